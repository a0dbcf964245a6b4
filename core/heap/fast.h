/* The paths that nearly every request takes, for callers that inline them.
 *
 *     allocate = the class's current pool, pop its free list                       13 instructions, two tests
 *     free     = one range test, the block's slot, push, count down                15 instructions, two tests
 *
 * Everything else is one call to a function that is out of line. Both fall through to what is likely. Once
 * heap_close_fast_paths was called, neither finds anything: no current pool, and no range.
 */
#ifndef QUIRE_HEAP_FAST_H
#define QUIRE_HEAP_FAST_H

#include "heap/structs.h"

/* A free block of the class's current pool; NULL if it has none at hand, which pool_refill mends. */
static inline void *
pool_pop(struct domain *domain, unsigned size_class)
{
    struct pool *pool = domain->current[size_class];
    void *block = pool->free;
    if (LIKELY(block != NULL)) {
        pool->free = *(void **)block;
        pool->frees_left++;
    }
    return block;
}

/* NULL if the request is not small (a request of 0 bytes wraps, and is not), or the current pool has no block. */
static inline void *
heap_allocate_fast(struct domain *domain, size_t size_bytes)
{
    size_t last = size_bytes - 1;
    if (UNLIKELY(last >= SMALL_BYTES_MAX)) {
        return NULL;
    }
    return pool_pop(domain, (unsigned)(last / ALIGNMENT_BYTES));
}

static inline bool
domain_is_in_range(const struct domain *domain, const void *address)
{
    return (uintptr_t)address - domain->range_address < domain->range_bytes;
}

/* The address is in the range. */
static inline void
heap_free_in_range(struct domain *domain, void *address)
{
    struct pool *slot = &domain->slots[((uintptr_t)address - domain->range_address) / POOL_BYTES];
    *(void **)address = slot->free;
    slot->free = address;
    if (UNLIKELY(--slot->frees_left == 0)) {
        pool_note_free(domain->heap, slot, address);
    }
}

#endif
