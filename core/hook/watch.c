/* Telling Python that the heap has grown, without calling Python from inside an allocation.
 *
 * A signal of Python's own is marked as arrived, as CPython does in a signal handler; the kernel sends none. That
 * takes no lock and allocates nothing, on every version; a pending call would do neither from 3.13 on, where adding
 * one may release the interpreter lock. The signal's handler, in Python, runs at the main thread's next safe point.
 *
 * Locking: the interpreter lock.
 */
#include "hook/service.h"

static int watch_signal;

static void
note_passed(void)
{
    PyErr_SetInterruptEx(watch_signal); /* nothing happens where the program has taken the handler away */
}

void
hook_watch(size_t limit_bytes, int signal_number)
{
    watch_signal = signal_number;
    heap_watch(service.heap, signal_number == 0 ? SIZE_MAX : limit_bytes, note_passed);
}
