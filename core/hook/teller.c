/* The teller: a thread that calls one function of Python's, once: what may have to wait for a lock of the program's.
 *
 *     absent --(somebody has something to tell)--> alive --(the function returns)--> absent
 *
 * The helper may wait for nothing, for a fork waits for it; and the main thread, between two bytecodes, may be amid a
 * lock that it would then wait for itself for ever. A thread that does nothing else keeps nobody waiting. No signal is
 * delivered to it: what the program blocks in all its threads, to wait for it, would end the process here. While it
 * runs Python knows of it. Forks, and then the end of the process, give it a while to end, once, and no more: who is
 * about to fork may hold the lock that it waits for.
 *
 * Detached: several threads may wait for it at once, and none has to.
 *
 * Callers: module/, helper.c. Locking: the interpreter lock, for whoever starts it.
 */
#include "hook/teller.h"

#include "hook/beside.h"

#include <stdatomic.h>
#include <time.h>

static const double PATIENCE_SECONDS = 0.5;
static const struct timespec PAUSE = {0, 100000};

static struct {
    atomic_bool is_alive;
    _Atomic(pid_t) number; /* the kernel's; 0: there was none yet, or it has not begun */
    atomic_bool is_slow; /* somebody has waited for it in vain */
} teller;
static _Thread_local bool is_teller;

static void *
live(void *function)
{
    teller.number = beside_begin();
    is_teller = true;
    PyThreadState *state = beside_enter();
    if (state != NULL) { /* else the function is never let go; whoever has something to tell asks again */
        PyObject *result = PyObject_CallNoArgs(function);
        if (result == NULL) {
            PyErr_WriteUnraisable(function);
        }
        Py_XDECREF(result);
        Py_DECREF((PyObject *)function);
        beside_leave(state);
    }
    teller.is_alive = false;
    return NULL;
}

bool
hook_call_apart(PyObject *function)
{
    if (teller.is_alive) {
        return false;
    }
    teller.is_alive = true;
    teller.number = 0;
    teller.is_slow = false;
    sigset_t blocked;
    beside_block_signals(&blocked);
    struct beside beside = {live, Py_NewRef(function), &blocked, 0, true};
    pthread_t thread;
    if (beside_start(&beside, &thread) != 0) {
        teller.is_alive = false;
        Py_DECREF(function);
        return false;
    }
    return true;
}

static void
wait_a_while(void)
{
    double patience = beside_seconds(CLOCK_MONOTONIC) + PATIENCE_SECONDS;
    while (teller.is_alive && !teller.is_slow) {
        nanosleep(&PAUSE, NULL);
        if (beside_seconds(CLOCK_MONOTONIC) >= patience) {
            teller.is_slow = true;
        }
    }
    if (!teller.is_alive && teller.number != 0) {
        beside_wait_until_gone(teller.number);
        teller.number = 0;
    }
}

bool
hook_wait_for_teller(bool waits_again)
{
    if (waits_again) {
        teller.is_slow = false;
    }
    bool is_there = teller.is_alive || teller.number != 0;
    if (is_there && !is_teller) {
        Py_BEGIN_ALLOW_THREADS
        wait_a_while();
        Py_END_ALLOW_THREADS
    }
    return !teller.is_alive;
}

void
teller_forget(void)
{
    teller.is_alive = false;
    teller.number = 0;
}
