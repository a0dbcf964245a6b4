/* What serves the process, shared by the files of hook/.
 *
 *     PyObject_Malloc --> domain functions --> the main interpreter's requests: the heap
 *                                         \--> other interpreters', and what the heap refuses: previous
 *     PyObject_Free   --> by address: the range or an own mapping: the heap; anything else: previous
 *
 * Locking: with one interpreter, its lock is the heap's, and nothing here is ever taken. Before a second one can
 * exist the service becomes guarded: the heap's fast paths are closed, and every use of the heap takes the mutex,
 * for a later interpreter may have a lock of its own and free what the main one allocated. A fork takes it too.
 */
#ifndef QUIRE_HOOK_SERVICE_H
#define QUIRE_HOOK_SERVICE_H

#include "hook/hook.h"

#include <pthread.h>

struct service {
    struct heap *heap; /* NULL: not installed */
    PyMemAllocatorEx previous[DOMAINS];
    bool large_to_previous;
    bool is_guarded;
    bool is_unwatched; /* CPython has ended, and its audit hooks with it */
    pthread_mutex_t mutex;
};

extern struct service service;

/* interpreters.c */
void interpreters_watch(void);
void interpreters_guard(void);
bool interpreters_is_main_current(void);

/* On every slow path: whoever made an interpreter past all that is watched is noticed here, and so is a CPython that
 * was started anew, in which nothing is watched. */
static inline void
interpreters_notice(void)
{
    if (service.is_guarded) {
        return;
    }
    if (PyInterpreterState_Head() != PyInterpreterState_Main() || (service.is_unwatched && Py_IsInitialized())) {
        interpreters_guard();
    }
}

#endif
