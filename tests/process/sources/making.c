/* Interpreters made from C, and a look at what quire gives them.
 *
 * Both domains are wrapped, as tracemalloc does. Of each request that another interpreter than the main one makes, it
 * is noted whether the block that it got lies in quire's range.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if PY_VERSION_HEX < 0x030D0000
#define PyThreadState_GetUnchecked _PyThreadState_UncheckedGet
#endif

static PyMemAllocatorEx wrapped[2];
static uintptr_t range_address;
static size_t range_bytes;
static size_t served; /* requests of others, met from the range */
static size_t passed; /* met from elsewhere */

/* --- looking --- */

static void *
look_at(void *address)
{
    PyThreadState *thread = PyThreadState_GetUnchecked();
    if (thread != NULL && PyThreadState_GetInterpreter(thread) != PyInterpreterState_Main()) {
        *((uintptr_t)address - range_address < range_bytes ? &served : &passed) += 1;
    }
    return address;
}

static void *
look_malloc(void *context, size_t size_bytes)
{
    PyMemAllocatorEx *inner = context;
    return look_at(inner->malloc(inner->ctx, size_bytes));
}

static void *
look_calloc(void *context, size_t count, size_t size_bytes)
{
    PyMemAllocatorEx *inner = context;
    return look_at(inner->calloc(inner->ctx, count, size_bytes));
}

static void *
look_realloc(void *context, void *address, size_t size_bytes)
{
    PyMemAllocatorEx *inner = context;
    return look_at(inner->realloc(inner->ctx, address, size_bytes));
}

static void
pass_free(void *context, void *address)
{
    PyMemAllocatorEx *inner = context;
    inner->free(inner->ctx, address);
}

static PyObject *
method_look(PyObject *module, PyObject *arguments)
{
    (void)module;
    unsigned long long address, bytes;
    if (!PyArg_ParseTuple(arguments, "KK", &address, &bytes)) {
        return NULL;
    }
    range_address = address;
    range_bytes = bytes;
    for (int i = 0; i < 2; i++) {
        PyMemAllocatorDomain domain = i == 0 ? PYMEM_DOMAIN_MEM : PYMEM_DOMAIN_OBJ;
        PyMem_GetAllocator(domain, &wrapped[i]);
        PyMemAllocatorEx looking = {&wrapped[i], look_malloc, look_calloc, look_realloc, pass_free};
        PyMem_SetAllocator(domain, &looking);
    }
    Py_RETURN_NONE;
}

static PyObject *
method_seen(PyObject *module, PyObject *arguments)
{
    (void)module, (void)arguments;
    return Py_BuildValue("(nn)", (Py_ssize_t)served, (Py_ssize_t)passed);
}

/* --- making --- */

#if PY_VERSION_HEX >= 0x030C0000
static PyThreadState *
begin_interpreter(int gil)
{
    PyInterpreterConfig config = {.allow_threads = 1, .check_multi_interp_extensions = 1, .gil = gil};
    PyThreadState *thread = NULL;
    Py_NewInterpreterFromConfig(&thread, &config);
    return thread;
}
#else
enum { PyInterpreterConfig_SHARED_GIL, PyInterpreterConfig_OWN_GIL };
#define begin_interpreter(gil) Py_NewInterpreter()
#endif

static bool
make_interpreter(const char *kind)
{
    PyThreadState *thread = strcmp(kind, "own lock") == 0      ? begin_interpreter(PyInterpreterConfig_OWN_GIL)
                            : strcmp(kind, "shared lock") == 0 ? begin_interpreter(PyInterpreterConfig_SHARED_GIL)
                                                               : Py_NewInterpreter();
    if (thread == NULL) {
        return false;
    }
    Py_EndInterpreter(thread);
    return true;
}

/* make(kind): an interpreter of the kind begins and ends. */
static PyObject *
method_make(PyObject *module, PyObject *kind)
{
    (void)module;
    PyThreadState *own = PyThreadState_Get();
    bool is_made = make_interpreter(PyUnicode_AsUTF8(kind));
    PyThreadState_Swap(own);
    return PyBool_FromLong(is_made);
}

static void *
make_in_thread(void *kind)
{
    return (void *)(uintptr_t)make_interpreter(kind);
}

/* make_without_lock(kind): the same in a thread that Python does not know. */
static PyObject *
method_make_without_lock(PyObject *module, PyObject *argument)
{
    (void)module;
    char *kind = (char *)PyUnicode_AsUTF8(argument);
    void *is_made;
    pthread_t thread;
    Py_BEGIN_ALLOW_THREADS
    pthread_create(&thread, NULL, make_in_thread, kind);
    pthread_join(thread, &is_made);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(is_made != NULL);
}

static PyMethodDef methods[] = {
    {"look", method_look, METH_VARARGS, NULL},
    {"seen", method_seen, METH_NOARGS, NULL},
    {"make", method_make, METH_O, NULL},
    {"make_without_lock", method_make_without_lock, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "making", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC
PyInit_making(void)
{
    return PyModule_Create(&definition);
}
