/* This process's files in /proc, opened past Python: a sample is taken in the middle of a program, where an audit event
 * would run the program's hooks, which may hold a lock or forbid what they see.
 *
 * Callers: module.c. Calls: the system.
 */
#include "module/module.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES_MAX = 128 };

PyObject *
module_open_own(const char *name)
{
    char path[PATH_BYTES_MAX];
    int length = snprintf(path, sizeof path, "/proc/self/%s", name);
    errno = ENAMETOOLONG;
    int descriptor = length < PATH_BYTES_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    return descriptor < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(descriptor);
}

/* The numbers of the process's threads; what comes and goes meanwhile may be missing. */
PyObject *
module_own_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *list = PyList_New(0);
    for (const struct dirent *entry = readdir(folder); list != NULL && entry != NULL; entry = readdir(folder)) {
        long thread = strtol(entry->d_name, NULL, 10);
        if (thread > 0 && !append(list, PyLong_FromLong(thread))) {
            Py_CLEAR(list);
        }
    }
    closedir(folder);
    return list;
}
