/* Telling Python that the heap has grown, without calling Python from inside an allocation.
 *
 *     heap: passed --> a safe point is asked for --> call_if_due --> the callback, once
 *
 * Locking: the interpreter lock.
 */
#include "hook/service.h"

static PyObject *callback;
static bool is_due;

/* What the callback raises is from a signal handler of the program's that ran in it, since it keeps its own failures:
 * false, and the exception is set. */
static bool
call_if_due(void)
{
    PyObject *due = callback;
    if (!is_due || due == NULL) {
        return true;
    }
    is_due = false;
    callback = NULL;
    PyObject *result = PyObject_CallNoArgs(due);
    Py_DECREF(due);
    Py_XDECREF(result);
    return result != NULL;
}

bool
hook_poll(void)
{
    if (!call_if_due()) {
        version_raise_after_collection();
    }
    return PyErr_Occurred() == NULL;
}

static int
poll_pending(void *Py_UNUSED(argument))
{
    return call_if_due() ? 0 : -1;
}

static void
note_passed(void)
{
    is_due = true;
    version_ask_for_safe_point(poll_pending);
}

void
hook_watch(size_t limit_bytes, PyObject *new_callback)
{
    PyObject *old = callback;
    callback = Py_XNewRef(new_callback);
    is_due = false;
    heap_watch(service.heap, callback == NULL ? SIZE_MAX : limit_bytes, note_passed);
    Py_XDECREF(old);
}
