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

/* helper.c: from now on a thread calls the function now and then, from when notice_bytes have come to rest, or the
 * collector has walked through objects of which some share pages, until it returns None; else it returns how many
 * seconds to wait. 0, or an errno value. The end is for good. */
int hook_helper_begin(PyObject *tick, size_t notice_bytes);
bool hook_take_rest(void); /* whether so much has come to rest since this was asked last */
void hook_note_walk(void); /* of the collector's, through all objects; from within it */
void hook_helper_end(void);
bool hook_helper_is_alive(void);
int hook_helper_refusal(void); /* why none could be started last: an errno value, EPERM for a new filter; 0: it could */
void hook_helper_before_fork(void);
void hook_helper_after_fork_in_parent(void);
void hook_helper_after_fork_in_child(void);

/* beside.c: of system calls, as they are when quire is installed; whether the program has forbidden itself more of them
 * since. */
void hook_note_filters(void);
bool hook_is_newly_filtered(void);

/* teller.c: have a thread of its own call the function now, where it may wait for anything; false if that cannot be,
 * for such a thread is still at work. Wait a while for it, also if somebody has done so in vain, or not then: whether
 * there is none any more. */
bool hook_call_apart(PyObject *function);
bool hook_wait_for_teller(bool waits_again);

/* libc.c: glibc's accounts of its own heap; false where there are none: in other libraries, and glibc before 2.33,
 * which counts in ints. */
struct libc_accounts {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
bool hook_libc_accounts(struct libc_accounts *accounts);

/* Have libc give back what is free in its heap, if it is so much, and no more; the interpreter lock is not needed. False:
 * it is not, or libc cannot. It holds a lock of its own meanwhile, which every thread that allocates there waits for:
 * about a fifth of a second for each GiB of free pages. */
struct libc_trim {
    size_t free_bytes;  /* in its heap, afterwards; what of it has gone back is not told */
    size_t given_bytes; /* by how much resident memory fell */
    double seconds;
};
bool hook_trim_libc(size_t free_bytes_min, size_t free_bytes_max, struct libc_trim *trim);

/* Have the helper do that, without the interpreter lock, after this tick. What came of the last time; false: nothing. */
void hook_trim_libc_soon(size_t free_bytes_min, size_t free_bytes_max);
bool hook_trimmed_libc(struct libc_trim *trim);

/* mappings.c: how many mappings the process may have, and has; two zeros where nobody can tell, or it has forbidden itself
 * system calls. It takes about a microsecond for each, and no interpreter lock. False: it was to stop (NULL: never). */
struct hook_mappings {
    size_t max, now;
};
bool hook_count_mappings(bool (*stops)(void), struct hook_mappings *mappings);

/* Have the helper do that after this tick. What came of it, once; false: nothing yet, and after a fork nothing any more. */
void hook_count_mappings_soon(void);
bool hook_counted_mappings(struct hook_mappings *mappings);

/* Call visit for every chunk of every thread's Python call stack, and for every thread (its pthread_t); where
 * interpreters may have locks of their own, for the main one's threads. visit runs no Python code. */
bool hook_walk_frames(bool (*visit)(void *context, const void *address, size_t size_bytes), void *context);
bool hook_walk_threads(bool (*visit)(void *context, unsigned long ident), void *context);

#endif
