/* What serves the process, shared by the files of hook/.
 *
 *     PyObject_Malloc --> domain functions --> the main interpreter's requests: the heap
 *                                         \--> other interpreters', and what the heap refuses: previous
 *     PyObject_Free   --> by address: the range or an own mapping: the heap; anything else: previous
 *
 * Locking: with one interpreter, its lock is the heap's, and nothing here is ever taken. Before a second one has an
 * object the service becomes shared: the heap's fast paths are closed, and every use of the heap takes the mutex, for
 * a later interpreter may have a lock of its own and free what the main one allocated. A fork takes it too.
 */
#ifndef QUIRE_HOOK_SERVICE_H
#define QUIRE_HOOK_SERVICE_H

#include "hook/hook.h"

#include <pthread.h>

struct service {
    struct heap *heap; /* NULL: not installed */
    PyMemAllocatorEx previous[DOMAINS];
    void *(*previous_raw_calloc)(void *context, size_t count, size_t size_bytes);
    bool large_to_previous;
    bool is_shared;
    pthread_mutex_t mutex;
};

extern struct service service;
extern _Thread_local bool service_is_forking; /* this thread holds the mutex, from before a fork until after it */

/* Whether the mutex was taken: the service may become shared while a thread is inside, which then must not release
 * what it does not hold. */
static inline bool
lock_heap(void)
{
    bool is_locked = service.is_shared && !service_is_forking;
    if (UNLIKELY(is_locked)) {
        pthread_mutex_lock(&service.mutex);
    }
    return is_locked;
}

static inline void
unlock_heap(bool is_locked)
{
    if (UNLIKELY(is_locked)) {
        pthread_mutex_unlock(&service.mutex);
    }
}

/* domains.c: CPython's functions, and whether the heap serves a request of this size from whoever asks now. */
void *serve_malloc(void *context, size_t size_bytes);
void *serve_calloc(void *context, size_t count, size_t size_bytes);
void *serve_realloc(void *context, void *address, size_t size_bytes);
void serve_free(void *context, void *address);
bool serves(size_t size_bytes);

/* interpreters.c */
int interpreters_hold_forks(void); /* an errno value where the system refuses */
void interpreters_watch(void);
void interpreters_share(void);
bool interpreters_is_main_current(void);

/* Where no fast path allocates or frees: who made an interpreter past what is watched is noticed there. */
static inline void
interpreters_notice(void)
{
    if (service.is_shared || VERSION_INTERPRETERS_SHARE_LOCK) {
        return;
    }
    if (PyInterpreterState_Head() != PyInterpreterState_Main()) {
        interpreters_share();
    }
}

#endif
