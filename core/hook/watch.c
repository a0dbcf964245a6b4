/* Telling Python that the heap has grown, without calling Python from inside an allocation.
 *
 * A signal of Python's own is marked as arrived, as CPython does in a signal handler; the kernel sends none. That
 * takes no lock and allocates nothing, on every version; a pending call would do neither from 3.13 on, where adding
 * one may release the interpreter lock. The signal's handler, in Python, runs at the main thread's next safe point.
 * Each mark also wakes an event loop that has given CPython a file descriptor for signals, so there are to be few.
 *
 * Locking: the interpreter lock.
 */
#include "hook/service.h"

#include <time.h>
#include <unistd.h>

static struct {
    int signal_number;
    size_t limit_bytes;
    size_t late_limit_bytes;
    double due_seconds;
    pid_t process;
} watch;

static double
monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void note_passed(size_t held_bytes);

static void
arm(void)
{
    size_t limit_bytes = watch.limit_bytes < watch.late_limit_bytes ? watch.limit_bytes : watch.late_limit_bytes;
    heap_watch(service.heap, watch.signal_number == 0 ? SIZE_MAX : limit_bytes, note_passed);
}

/* A fork inherits the watch and not its watcher, and a CPython that ends has no handlers left: on 3.11 the mark would
 * crash it then. Nothing happens where the program has taken the handler away. */
static void
note_passed(size_t held_bytes)
{
    if (getpid() != watch.process || version_is_finalizing()) {
        return;
    }
    if (held_bytes > watch.limit_bytes || monotonic_seconds() >= watch.due_seconds) {
        PyErr_SetInterruptEx(watch.signal_number);
    } else {
        arm();
    }
}

void
hook_watch(int signal_number, size_t limit_bytes, size_t late_limit_bytes, double due_seconds)
{
    watch.signal_number = signal_number;
    watch.limit_bytes = limit_bytes;
    watch.late_limit_bytes = late_limit_bytes;
    watch.due_seconds = due_seconds;
    watch.process = getpid();
    arm();
}
