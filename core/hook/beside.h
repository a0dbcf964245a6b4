/* Threads of ours beside the program's: making one, letting it call Python, seeing it gone.
 *
 * Callers: helper.c, teller.c. Locking: none; the interpreter lock where it says so.
 */
#ifndef QUIRE_HOOK_BESIDE_H
#define QUIRE_HOOK_BESIDE_H

#include "hook/hook.h"

#include <pthread.h>
#include <signal.h>

struct beside {
    void *(*live)(void *);
    void *argument;
    const sigset_t *blocked; /* signals that are not delivered to it */
    size_t stack_bytes;      /* 0: as many as other threads have */
    bool is_detached;
};

/* 0, or an errno value and there is none: EPERM where the program has forbidden itself system calls since quire was
 * installed, for a new one may end the process. */
int beside_start(const struct beside *beside, pthread_t *thread);

/* All that can be, but those of what a thread does itself. */
void beside_block_signals(sigset_t *blocked);

/* In the thread, first of all: the kernel's number of it, and its name. */
pid_t beside_begin(void);

/* In the thread: a state of the main interpreter's and its lock; NULL where there is no memory for it. */
PyThreadState *beside_enter(void);
void beside_leave(PyThreadState *state);

/* Until the kernel has taken it off its count of the process's threads, a moment after it has ended: os.fork looks at
 * that. */
void beside_wait_until_gone(pid_t number);

/* On a clock of the system's. */
double beside_seconds(clockid_t clock);

#endif
