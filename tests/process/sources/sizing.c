/* A type of an extension's whose __sizeof__ lets go of the lock, as pyarrow's does, and threads of C's that begin and end in
 * Python's eyes all the time.
 */
#include <Python.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum { THREADS = 2, MORE_BYTES = 100000 };

/* --- the type --- */

static PyObject *
sized_sizeof(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    usleep(100);
    Py_END_ALLOW_THREADS
    return PyLong_FromSsize_t(Py_TYPE(self)->tp_basicsize + MORE_BYTES);
}

static PyMethodDef sized_methods[] = {{"__sizeof__", sized_sizeof, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyTypeObject sized_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "sizing.Sized",
    .tp_basicsize = sizeof(PyObject) + 16,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = sized_methods,
    .tp_new = PyType_GenericNew,
};

/* --- the threads --- */

static atomic_bool is_over;
static pthread_t threads[THREADS];

static void *
come_and_go(void *ignored)
{
    while (!is_over) {
        PyGILState_STATE state = PyGILState_Ensure();
        PyGILState_Release(state);
    }
    return ignored;
}

static PyObject *
begin_threads(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    is_over = false;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, come_and_go, NULL) != 0) {
            return PyErr_Format(PyExc_OSError, "no thread");
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
end_threads(PyObject *self, PyObject *ignored)
{
    (void)self, (void)ignored;
    is_over = true;
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"begin_threads", begin_threads, METH_NOARGS, NULL},
    {"end_threads", end_threads, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "sizing", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC
PyInit_sizing(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || PyType_Ready(&sized_type) < 0
        || PyModule_AddObjectRef(made, "Sized", (PyObject *)&sized_type) < 0) {
        return NULL;
    }
    return made;
}
