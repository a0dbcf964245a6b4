/* Sub-interpreters: noticing that there may be one, and sharing the heap under a mutex from then on.
 *
 * Since 3.12 a later interpreter may run beside the main one under a lock of its own. Its requests go to the allocator
 * that was there before, but it may free, or see resized, what the main one allocated. So before the first one can
 * exist, every use of the heap takes the mutex. Until then nothing is checked on the fast paths.
 *
 * No single event announces an interpreter on every version:
 *
 *     a module that can make one is imported, or was before the install        from Python
 *     the audit event cpython.PyInterpreterState_New                           3.12, most ways
 *     a slow path sees a second interpreter                                    what is left: made from C
 *
 * When CPython ends, the events end. A program that embeds it may start it anew: then the heap is shared from the first
 * slow path on. 3.11, whose interpreters have one lock, has nothing to notice: its heap serves them all.
 */
#include "hook/service.h"

#include <string.h>

static const char *const makers[] = {"_interpreters", "_xxsubinterpreters", "_testcapi", "_testinternalcapi"};

_Thread_local bool service_is_forking;

/* Between the two other libraries' fork handlers may run Python in this thread: it passes. */
static void
take_mutex(void)
{
    pthread_mutex_lock(&service.mutex);
    service_is_forking = true;
}

static void
release_mutex(void)
{
    service_is_forking = false;
    pthread_mutex_unlock(&service.mutex);
}

/* Before there is a heap to share: from then on no fork may find the mutex taken by a thread that the child has not. */
int
interpreters_hold_forks(void)
{
    static bool is_held = VERSION_INTERPRETERS_SHARE_LOCK;
    int error = is_held ? 0 : pthread_atfork(take_mutex, release_mutex, release_mutex);
    is_held = error == 0;
    return error;
}

void
interpreters_share(void)
{
    if (service.is_shared) {
        return;
    }
    heap_close_fast_paths(service.heap);
    service.is_shared = true;
}

/* A thread without a state belongs to no interpreter. The heap serves it, under the mutex: the allocator that was
 * there before would end the process. */
bool
interpreters_is_main_current(void)
{
    PyThreadState *thread = version_current_thread();
    return thread == NULL || PyThreadState_GetInterpreter(thread) == PyInterpreterState_Main();
}

static bool
is_maker(PyObject *arguments)
{
    PyObject *name = PyTuple_Check(arguments) && PyTuple_GET_SIZE(arguments) > 0 ? PyTuple_GET_ITEM(arguments, 0) : NULL;
    if (name == NULL || !PyUnicode_Check(name)) {
        return false;
    }
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (PyUnicode_CompareWithASCIIString(name, makers[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int
on_event(const char *event, PyObject *arguments, void *Py_UNUSED(context))
{
    if (service.heap == NULL || service.is_shared) {
        return 0;
    }
    if (strcmp(event, "cpython._PySys_ClearAuditHooks") == 0) {
        service.is_unwatched = true;
        return 0;
    }
    bool is_new = strcmp(event, "cpython.PyInterpreterState_New") == 0;
    if (is_new || (strcmp(event, "import") == 0 && is_maker(arguments))) {
        interpreters_share();
    }
    return 0;
}

static bool
has_maker(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (PyDict_GetItemString(modules, makers[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Any audit hook makes CPython build the arguments of every event: a hundredth of a program that unpickles much. 3.11
 * does without. A hook that refuses further hooks leaves the slow paths to notice. */
void
interpreters_watch(void)
{
    if (!VERSION_INTERPRETERS_SHARE_LOCK && PySys_AddAuditHook(on_event, NULL) != 0) {
        PyErr_Clear();
    }
    if (has_maker() || PyInterpreterState_Head() != PyInterpreterState_Main()) {
        interpreters_share();
    }
}
