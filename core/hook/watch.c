/* Telling Python that the heap has grown, without calling Python from inside an allocation.
 *
 * The heap notes the growth; a pending call runs the callback in the main thread, at its next safe point.
 */
#include "hook/service.h"

static PyObject *callback;

static int
run_callback(void *Py_UNUSED(argument))
{
    PyObject *due = callback;
    callback = NULL;
    if (due == NULL) {
        return 0;
    }
    PyObject *result = PyObject_CallNoArgs(due);
    Py_DECREF(due);
    if (result == NULL) {
        PyErr_Clear(); /* it tells its own failures; the program is not to see them */
    }
    Py_XDECREF(result);
    return 0;
}

/* The queue may be full; then this growth goes unseen, and the next watch sees the next. */
static void
note_passed(void)
{
    Py_AddPendingCall(run_callback, NULL);
}

void
hook_watch(size_t limit_bytes, PyObject *new_callback)
{
    PyObject *old = callback;
    callback = Py_XNewRef(new_callback);
    heap_watch(service.heap, callback == NULL ? SIZE_MAX : limit_bytes, note_passed);
    Py_XDECREF(old);
}
