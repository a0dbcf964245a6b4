/* Telling Python that the heap has grown, without calling Python from inside an allocation.
 *
 *     heap: passed --> a safe point is asked for --> hook_poll --> the callback, once
 *
 * Locking: the interpreter lock.
 */
#include "hook/service.h"

static PyObject *callback;
static bool is_due;

/* The callback tells its own failures; the program is not to see them. */
void
hook_poll(void)
{
    PyObject *due = callback;
    if (!is_due || due == NULL) {
        return;
    }
    is_due = false;
    callback = NULL;
    PyObject *result = PyObject_CallNoArgs(due);
    Py_DECREF(due);
    if (result == NULL) {
        PyErr_Clear();
    }
    Py_XDECREF(result);
}

static int
poll_pending(void *Py_UNUSED(argument))
{
    hook_poll();
    return 0;
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
