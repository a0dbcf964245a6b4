/* Threads of ours beside the program's; see beside.h. */
#include "hook/beside.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SPARE_BYTES = 1 << 14, YIELDS_MAX = 20, PAUSES_MAX = 2000 };

static int filters; /* of system calls, when quire was installed */

void
hook_note_filters(void)
{
    filters = prctl(PR_GET_SECCOMP);
}

/* A program that has forbidden itself system calls since may be ended by a new one. */
bool
hook_is_newly_filtered(void)
{
    return prctl(PR_GET_SECCOMP) != filters;
}

/* Where these are blocked the process ends without a word of any handler. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

void
beside_block_signals(sigset_t *blocked)
{
    sigfillset(blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigdelset(blocked, faults[i]);
    }
}

int
beside_start(const struct beside *beside, pthread_t *thread)
{
    pthread_attr_t attributes;
    int error = hook_is_newly_filtered() ? EPERM : pthread_attr_init(&attributes);
    if (error != 0) {
        return error;
    }
    if (beside->stack_bytes != 0) {
        pthread_attr_setstacksize(&attributes, beside->stack_bytes);
    }
    pthread_attr_setdetachstate(&attributes, beside->is_detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, beside->blocked, &before); /* the thread begins with it */
    error = pthread_create(thread, &attributes, beside->live, beside->argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

/* Whether libc has much more memory than a thread state takes: where there is none, 3.11's PyThreadState_New writes to
 * address 0, and all end the process where the thread cannot note its state. */
static bool
has_memory(void)
{
    void *memory = PyMem_RawMalloc(SPARE_BYTES);
    PyMem_RawFree(memory);
    return memory != NULL;
}

pid_t
beside_begin(void)
{
    prctl(PR_SET_NAME, "quire"); /* whoever makes it may come too late */
    return (pid_t)syscall(SYS_gettid);
}

PyThreadState *
beside_enter(void)
{
    PyThreadState *state = has_memory() ? PyThreadState_New(PyInterpreterState_Main()) : NULL;
    if (state != NULL) {
        PyEval_AcquireThread(state);
    }
    return state;
}

void
beside_leave(PyThreadState *state)
{
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
}

void
beside_wait_until_gone(pid_t number)
{
    const struct timespec pause = {0, 20000};
    for (int i = 0; i < PAUSES_MAX && syscall(SYS_tgkill, getpid(), number, 0) == 0; i++) {
        if (i < YIELDS_MAX) {
            sched_yield();
        } else {
            nanosleep(&pause, NULL);
        }
    }
}

double
beside_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
