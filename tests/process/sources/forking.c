/* A thread of C's that forks again and again, without the interpreter lock, and looks at memory in each child.
 *
 *     start(addresses, words, forks)   each address is to hold its word; may be called once
 *     is_running() -> bool
 *     wait() -> (children, wrong)      of how many children, and in how many it did not, or that died
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_t thread;
static const uint64_t **addresses;
static uint64_t *words;
static Py_ssize_t count;
static int forks, wrong;
static volatile int left;

static void
look_and_end(void)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (*addresses[i] != words[i]) {
            _exit(1);
        }
        *(volatile uint64_t *)addresses[i] = 0; /* the parent's stays */
    }
    _exit(0);
}

static void *
fork_often(void *ignored)
{
    (void)ignored;
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            look_and_end();
        }
        int status = 1;
        if (child > 0) {
            waitpid(child, &status, 0);
        }
        wrong += status != 0;
        left--;
    }
    return NULL;
}

static PyObject *
method_start(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *address_list, *word_list;
    if (!PyArg_ParseTuple(args, "O!O!i:start", &PyList_Type, &address_list, &PyList_Type, &word_list, &forks)) {
        return NULL;
    }
    count = PyList_GET_SIZE(address_list);
    addresses = calloc((size_t)count, sizeof *addresses);
    words = calloc((size_t)count, sizeof *words);
    for (Py_ssize_t i = 0; i < count; i++) {
        addresses[i] = PyLong_AsVoidPtr(PyList_GET_ITEM(address_list, i));
        words[i] = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(word_list, i));
    }
    left = forks;
    if (PyErr_Occurred() || pthread_create(&thread, NULL, fork_often, NULL) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
method_is_running(PyObject *self, PyObject *ignored)
{
    (void)self;
    (void)ignored;
    return PyBool_FromLong(left > 0);
}

static PyObject *
method_wait(PyObject *self, PyObject *ignored)
{
    (void)self;
    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("(ii)", forks, wrong);
}

static PyMethodDef methods[] = {
    {"start", method_start, METH_VARARGS, NULL},
    {"is_running", method_is_running, METH_NOARGS, NULL},
    {"wait", method_wait, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "forking", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_forking(void)
{
    return PyModule_Create(&definition);
}
