/* Sub-interpreters: noticing that there is to be one, and sharing the heap under a mutex from then on.
 *
 * Since 3.12 a later interpreter may run beside the main one under a lock of its own. Its requests go to the allocator
 * that was there before, but it may free, or see resized, what the main one allocated. So before the first one has an
 * object, every use of the heap takes the mutex. Until then nothing is checked on the fast paths.
 *
 * Whoever asks for an interpreter, CPython first obtains its state, cleared, from the raw domain. That one function of
 * the raw domain is watched, for no event tells of every interpreter:
 *
 *     calloc(1, 190 KB or more)       by who holds the lock: share now
 *                                     by who does not: remember it, for CPython holds its list of interpreters locked
 *     it is linked
 *     calloc(1, another size)         for its thread or its allocator, nothing locked: take the lock, share
 *     its first object
 *
 * One that has the main interpreter's lock, made by who did not hold it, may have no second piece: a slow path sees
 * it. So it does if somebody has replaced the raw domain and does not pass requests on. A cleared piece of 64 KiB that
 * is no interpreter shares the heap for nothing. The heap's own requests to the allocator before it count bytes, not
 * pieces (domains.c): pymalloc hands large ones on to the raw domain.
 *
 * 3.11, whose interpreters have one lock, has nothing to notice: its heap serves them all.
 */
#include "hook/service.h"

enum { INTERPRETER_BYTES_MIN = 64 << 10 };

_Thread_local bool service_is_forking;

/* Between the two other libraries' fork handlers may run Python in this thread: it passes. */
static void
take_mutex(void)
{
    pthread_mutex_lock(&service.mutex);
    service_is_forking = true;
}

static void
release_mutex(void)
{
    service_is_forking = false;
    pthread_mutex_unlock(&service.mutex);
}

/* Before there is a heap to share: from then on no fork may find the mutex taken by a thread that the child has not. */
int
interpreters_hold_forks(void)
{
    static bool is_held = VERSION_INTERPRETERS_SHARE_LOCK;
    int error = is_held ? 0 : pthread_atfork(take_mutex, release_mutex, release_mutex);
    is_held = error == 0;
    return error;
}

void
interpreters_share(void)
{
    if (service.is_shared) {
        return;
    }
    heap_close_fast_paths(service.heap);
    service.is_shared = true;
}

bool
hook_is_shared(void)
{
    return service.is_shared;
}

/* A thread without a state belongs to no interpreter. The heap serves it, under the mutex: the allocator that was
 * there before would end the process. */
bool
interpreters_is_main_current(void)
{
    PyThreadState *thread = version_current_thread();
    return thread == NULL || PyThreadState_GetInterpreter(thread) == PyInterpreterState_Main();
}

/* The size of the piece that this thread obtained without the lock and that may be an interpreter; 0: none. */
static _Thread_local size_t unlocked_bytes;

static void
share_with_lock(void)
{
    unlocked_bytes = 0; /* taking the lock may obtain a thread state */
    PyGILState_STATE state = PyGILState_Ensure();
    interpreters_share();
    PyGILState_Release(state);
}

static void
notice_piece(size_t count, size_t size_bytes)
{
    bool may_be_interpreter = count == 1 && size_bytes >= INTERPRETER_BYTES_MIN;
    if (version_current_thread() != NULL) {
        if (may_be_interpreter) {
            interpreters_share();
        }
        return;
    }
    bool is_second_piece = unlocked_bytes != 0 && unlocked_bytes != size_bytes;
    if (is_second_piece && PyInterpreterState_Head() != PyInterpreterState_Main()) {
        share_with_lock();
    } else if (may_be_interpreter) {
        unlocked_bytes = size_bytes;
    }
}

static void *
watch_calloc(void *context, size_t count, size_t size_bytes)
{
    if (!service.is_shared) {
        notice_piece(count, size_bytes);
    }
    return service.previous_raw_calloc(context, count, size_bytes);
}

/* The domain's context and its other functions stay, so to whoever uses it meanwhile nothing else changes. */
static void
watch_raw_domain(void)
{
    PyMemAllocatorEx raw;
    PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &raw);
    service.previous_raw_calloc = raw.calloc;
    raw.calloc = watch_calloc;
    PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &raw);
}

void
interpreters_watch(void)
{
    if (VERSION_INTERPRETERS_SHARE_LOCK) {
        return;
    }
    watch_raw_domain();
    interpreters_notice();
}
