/* A program with Python in it: starts it, runs a text, and ends it; as often as there are texts.
 *
 *     embedding PYTHON TEXT...        PYTHON: the executable that it takes itself for, so that it finds its packages
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdio.h>

static PyStatus
begin(const char *executable)
{
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, executable);
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    return status;
}

int
main(int count, char **arguments)
{
    for (int i = 2; i < count; i++) {
        PyStatus status = begin(arguments[1]);
        if (PyStatus_Exception(status)) {
            Py_ExitStatusException(status);
        }
        int ran = PyRun_SimpleString(arguments[i]);
        int ended = Py_FinalizeEx();
        printf("life %d: %d %d\n", i - 1, ran, ended);
        fflush(stdout);
    }
    return 0;
}
