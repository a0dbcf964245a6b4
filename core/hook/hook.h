/* A CPython process served by a heap: the mem and object domains, from the moment of the install to the end.
 *
 * Callers: module/. Calls: heap/.
 * Locking: the interpreter lock is the heap's lock; where there may be several (sub-interpreters), see service.h.
 */
#ifndef QUIRE_HOOK_HOOK_H
#define QUIRE_HOOK_HOOK_H

#include "hook/versions.h"

#include "heap/guard.h"
#include "heap/heap.h"

/* Why this process cannot be served now; NULL if it can. Changes nothing.
 * Each reason is a word that quire.process.install knows the remedy for. */
const char *hook_refusal(void);

/* Serve the process with a heap on a range of this size. 0, or an errno value and nothing has changed.
 * With large_to_previous, requests above 512 bytes go to the allocator that was there before. Of guard_interval
 * requests, about one gets a guarded block; 0: none does. */
int hook_install(size_t range_bytes, bool large_to_previous, uint32_t guard_interval);

/* The heap that serves the process; NULL before the install, and after CPython was ended and started anew in the same
 * process with allocators of its own. */
struct heap *hook_heap(void);

/* Whether every use of the heap takes a mutex, for other interpreters than the main one exist or have existed. */
bool hook_is_shared(void);

/* The guarded blocks, and what was sampled so far; NULL if the process does not sample, or the system had no memory
 * for it. Within a look, nobody is in there. */
struct hook_sampling {
    uint32_t interval;
    size_t sampled;
    size_t skipped;
};
struct guard *hook_guard(struct hook_sampling *sampling);

/* Look at that heap with nobody in it: where several interpreters share it, holding their lock does not keep the others
 * out. The look may allocate nothing of Python's. */
void hook_look(void (*look)(struct heap *heap, void *result), void *result);

/* Have Python handle the signal, as if it had arrived, when the heap holds more than limit_bytes; or, once the monotonic
 * clock stands at due_seconds, more than late_limit_bytes. One shot; signal 0 ends the watch. */
void hook_watch(int signal_number, size_t limit_bytes, size_t late_limit_bytes, double due_seconds);

/* Call visit for every chunk of every thread's Python call stack, and for every thread (its pthread_t); where
 * interpreters may have locks of their own, for the main one's threads. visit runs no Python code. */
bool hook_walk_frames(bool (*visit)(void *context, const void *address, size_t size_bytes), void *context);
bool hook_walk_threads(bool (*visit)(void *context, unsigned long ident), void *context);

#endif
