/* Guarded blocks: some few blocks on pages of their own, between pages that nobody may touch.
 *
 *     region    | guard | slot 0 | guard | slot 1 | guard | ... | guard |
 *
 *     slot      |                  margin | block | margin |        the block at its right end,
 *               | block | margin                           |        or at its left end
 *
 * An access past the block's end or before its start touches a guard, or changes a margin, which is seen when the
 * block is freed. A slot's pages are there only while its block is allocated; after that, its addresses are
 * a guard too, for as long as there are slots that were free before it.
 *
 * The region lies outside every heap's range, so that the fast paths know nothing of it: a free of what is not in the
 * range is slow already, and a look at the region comes first there.
 *
 * Callers: hook/, observe/ (read-only). Calls: os/.
 * Locking: the heap's. A signal handler reads without it.
 */
#ifndef QUIRE_HEAP_GUARD_H
#define QUIRE_HEAP_GUARD_H

#include "heap/geometry.h"

#define GUARD_BYTES_MAX (8 * KIB) /* the largest request that is guarded */

enum { GUARD_NOTE_BYTES = 2036, GUARD_MARGIN_BYTES_MAX = 64 };

/* UNTOUCHED: never used. LOST: its block was freed, but the system did not take the pages back; never used again. */
enum guard_state { GUARD_UNTOUCHED, GUARD_ALLOCATED, GUARD_FREED, GUARD_LOST };

struct guard_slot {
    char *address;     /* of its block, the last one it had if it has none */
    size_t size_bytes; /* as requested */
    uint32_t next;     /* FREED: index of the slot that was freed after it */
    uint8_t state;     /* enum guard_state */
    uint8_t reserved[3];
    char allocated_note[GUARD_NOTE_BYTES]; /* texts of the caller's, about who did it */
    char freed_note[GUARD_NOTE_BYTES];
};
static_assert(sizeof(struct guard_slot) == 4 * KIB, "a slot is a page of metadata, resident once the slot was used");

/* The counts add up: allocated + freed + lost + untouched == slots_count. */
struct guard {
    char *region;
    size_t region_bytes;
    size_t own_bytes; /* of this struct and the slots behind it */
    size_t page_bytes;
    size_t slot_bytes; /* pages of a slot, without guards */
    uint32_t slots_count;
    uint32_t allocated;
    uint32_t freed;
    uint32_t lost;
    uint32_t untouched; /* the last ones */
    uint32_t first_freed; /* of the queue: the slot that was freed longest ago */
    uint32_t last_freed;
    size_t live_bytes; /* as requested */
    struct guard_slot slots[];
};

/* 0, or an errno value. */
int guard_create(uint32_t slots_count, struct guard **created);
void guard_destroy(struct guard *guard);

static inline bool
guard_owns(const struct guard *guard, const void *address)
{
    return (uintptr_t)address - (uintptr_t)guard->region < guard->region_bytes;
}

/* A slot with a zeroed block of at most GUARD_BYTES_MAX; NULL if no slot is free, or the system refuses. */
struct guard_slot *guard_allocate(struct guard *guard, size_t size_bytes, bool at_left_end);
void guard_free(struct guard *guard, struct guard_slot *slot);

/* The slot that an address of the region belongs to: the one it lies in, or that whose block is nearest; NULL if
 * none there was ever used. */
struct guard_slot *guard_slot_of(struct guard *guard, const void *address);

/* Where a margin of an allocated block was changed, nearest to the block: -1 is the byte before it, 1 the first past its
 * end; 0 if both are whole. */
ptrdiff_t guard_damage(const struct guard *guard, const struct guard_slot *slot);

struct guard_statistics {
    size_t slots;
    size_t allocated;
    size_t freed;
    size_t lost;
    size_t live_bytes; /* as requested */
};
struct guard_statistics guard_statistics(const struct guard *guard);

/* NULL if every invariant holds, else the one that does not. */
const char *guard_check(const struct guard *guard);

/* The pages of a slot. */
static inline char *
guard_slot_pages(const struct guard *guard, const struct guard_slot *slot)
{
    size_t index = (size_t)(slot - guard->slots);
    return guard->region + guard->page_bytes + index * (guard->slot_bytes + guard->page_bytes);
}

#endif
