/* Guarded sampling, as the rest of hook/ sees it: about one request in N gets a guarded block (see heap/guard.h).
 *
 *     guarding_malloc    fast path, as without, and one count              2 instructions more
 *     guarding_free      the fast path as it is: guarded blocks do not lie in the range
 *
 * Whether a process samples is settled at the install: then these functions are CPython's, and stay so. Where
 * it does not, none of this is reached.
 *
 * Locking: as service.h says. A signal handler (fault.c) reads without it.
 */
#ifndef QUIRE_HOOK_GUARDING_H
#define QUIRE_HOOK_GUARDING_H

#include "hook/service.h"

#include "heap/guard.h"

struct guarding {
    struct guard *guard; /* NULL: the process does not sample */
    uint32_t countdown;  /* requests until the next is sampled */
    uint32_t interval;   /* on average */
    uint64_t random;
    size_t sampled;
    size_t skipped; /* sampled, but passed over: few slots or none were free */
};

extern struct guarding guarding;

/* From the install on, with so many requests to a sampled one, on average. False if the system has no memory for it. */
bool guarding_begin(uint32_t interval);

void *guarding_malloc(void *context, size_t size_bytes);
void *guarding_calloc(void *context, size_t count, size_t size_bytes);
void *guarding_realloc(void *context, void *address, size_t size_bytes);
void guarding_free(void *context, void *address);

/* fault.c: be told of faults; again whenever a block is sampled, for others may have come in front. */
void fault_watch(void);

/* fault.c: a free or realloc of what is no allocated guarded block, or is one with a damaged margin: tell, and end. */
_Noreturn void fault_end(const void *address, bool is_realloc);

#endif
