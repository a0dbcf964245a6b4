/* The paths that nearly every request takes, for callers that inline them.
 *
 *     allocate = the class's current pool, pop its free list                       14 instructions, two tests
 *     free     = one range test, the slot's entry, push, count down                 13 instructions, two tests
 *
 * Everything else is one call to a function that is out of line. Both fall through to what is likely. Once
 * heap_close_fast_paths was called, neither finds anything: no current pool, and no range.
 */
#ifndef QUIRE_HEAP_FAST_H
#define QUIRE_HEAP_FAST_H

#include "heap/structs.h"

#include <string.h>

/* A free block of the class's current pool; NULL if it has none at hand, which pool_refill mends. The block behind it
 * is fetched into the cache: the next request reads its link, and the caller writes it. */
static inline void *
pool_pop(struct domain *domain, size_t size_class)
{
    struct pool *pool = domain->current[size_class];
    void *block = pool->free;
    if (LIKELY(block != NULL)) {
        void *next = link_of(block);
        __builtin_prefetch(next, 1);
        pool->free = next;
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
    return mark_allocated(pool_pop(domain, last / ALIGNMENT_BYTES), size_bytes);
}

/* The same for a request above the small ones that a pool serves. */
static inline void *
heap_allocate_large_fast(struct domain *domain, size_t size_bytes)
{
    if (size_bytes - SMALL_BYTES_MAX - 1 >= POOLED_BYTES_MAX - SMALL_BYTES_MAX) {
        return NULL;
    }
    return mark_allocated(pool_pop(domain, large_class(size_bytes)), size_bytes);
}

static inline bool
domain_is_in_range(const struct domain *domain, const void *address)
{
    return (uintptr_t)address - domain->range_address < domain->range_bytes;
}

/* The address is in the range. */
static inline struct pool *
slot_at(const struct domain *domain, const void *address)
{
    return &domain->slots[((uintptr_t)address - domain->range_address) / POOL_BYTES];
}

/* The address is in the range. */
static inline void
heap_free_in_range(struct domain *domain, void *address)
{
    struct pool *slot = slot_at(domain, address);
    mark_freed(address, slot->block_bytes); /* of an inner slot or a run, 0: pool_note_free knows how many */
    set_link(address, slot->free);
    slot->free = address;
    if (UNLIKELY(--slot->frees_left == 0)) {
        pool_note_free(domain->heap, slot, address);
    }
}

/* Whether a block of that many bytes serves a request where it is, and well: it is of its size class, or not more than a
 * quarter of it is unused. Not if it is shorter; 0 bytes, which INNER and RUN slots tell, never. */
static inline bool
block_stays(size_t block_bytes, size_t size_bytes)
{
    size_t unused_bytes = block_bytes - size_bytes; /* huge for what is longer than the block */
    return size_bytes <= block_bytes && (unused_bytes < ALIGNMENT_BYTES || 4 * unused_bytes < block_bytes);
}

/* The address is in the range. No answer for a block of a larger pool's later slots, nor for a run. */
static inline bool
heap_block_fits(const struct domain *domain, const void *address, size_t size_bytes)
{
    return block_stays(slot_at(domain, address)->block_bytes, size_bytes);
}

/* The address is in the range, and its block does not stay. It moves to one of the request's class, if that has one at
 * hand; NULL: it has not, or the block is a larger pool's in a later slot, or a run. */
static inline void *
heap_move_fast(struct domain *domain, void *address, size_t size_bytes)
{
    size_t block_bytes = slot_at(domain, address)->block_bytes; /* 0 in INNER and RUN slots */
    if (block_bytes == 0) {
        return NULL;
    }
    void *moved = size_bytes <= SMALL_BYTES_MAX ? heap_allocate_fast(domain, size_bytes)
                                                : heap_allocate_large_fast(domain, size_bytes);
    if (moved != NULL) {
        size_t old_bytes = MARKS ? heap_size_of(domain->heap, address) : block_bytes; /* which allows them all */
        memcpy(moved, address, old_bytes < size_bytes ? old_bytes : size_bytes);
        heap_free_in_range(domain, address);
    }
    return moved;
}

/* What stays where it is serves a request of another size. */
static inline void *
heap_mark_resized(const struct domain *domain, void *address, size_t size_bytes)
{
    if (MARKS) {
        size_t used_bytes = size_bytes + (size_bytes == 0);
        size_t all_bytes = heap_size_of(domain->heap, address); /* which allows them all */
        mark_free((char *)address + used_bytes, all_bytes - used_bytes);
    }
    return address;
}

#endif
