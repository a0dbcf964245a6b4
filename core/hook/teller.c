/* The teller: a thread that calls one function of Python's, once: what may have to wait for a lock of the program's.
 *
 *     absent --(somebody has something to tell)--> alive --(the function returns)--> absent
 *
 * The helper may wait for nothing, for a fork waits for it; and the main thread, between two bytecodes, may be amid a
 * lock that it would then wait for itself for ever. A thread that does nothing else keeps nobody waiting. It is an
 * ordinary one: with the program's signals, and while it runs Python knows of it. A fork and the end of the process
 * give it a while to end, and no more: who is about to fork may hold the lock that it waits for.
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
    sigset_t blocked;
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
    struct beside beside = {live, Py_NewRef(function), &teller.blocked, 0, true};
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
    while (teller.is_alive && beside_seconds(CLOCK_MONOTONIC) < patience) {
        nanosleep(&PAUSE, NULL);
    }
    if (!teller.is_alive && teller.number != 0) {
        beside_wait_until_gone(teller.number);
        teller.number = 0;
    }
}

void
hook_wait_for_teller(void)
{
    bool is_there = teller.is_alive || teller.number != 0;
    if (is_there && !is_teller) {
        Py_BEGIN_ALLOW_THREADS
        wait_a_while();
        Py_END_ALLOW_THREADS
    }
}

void
teller_note_signals(const sigset_t *blocked)
{
    teller.blocked = *blocked;
}

void
teller_forget(void)
{
    teller.is_alive = false;
    teller.number = 0;
}
