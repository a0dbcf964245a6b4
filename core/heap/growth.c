/* Growth: what the heap holds, at most so far, and who is to be told; of what comes to rest, too.
 *
 * It holds the parts of its arenas that were ever handed out, its mappings and its extents. All are close to what is
 * resident; arenas as a whole are not, of which the system gives pages only as they are touched.
 *
 * Callers: pool.c, runs.c, mapping.c, kept.c. Calls: kept.c, purge.c, whoever watches.
 */
#include "heap/structs.h"

void
heap_watch(struct heap *heap, size_t limit_bytes, void (*passed)(size_t held_bytes))
{
    heap->watch_bytes = limit_bytes;
    heap->watch_passed = passed;
}

void
heap_notice_rest(struct heap *heap, size_t every_bytes, void (*noticed)(void))
{
    heap->notice_bytes = every_bytes;
    heap->noticed = noticed;
}

void
heap_notice_next_rest(struct heap *heap)
{
    heap->rested_bytes = heap->notice_bytes - 1;
}

static size_t
held_bytes(const struct heap *heap)
{
    return heap->totals.touched_bytes + heap->totals.mapping_bytes + heap->totals.shared_bytes;
}

/* What is kept is not to make a peak that is higher by more than a quarter of an arena: by how much it would. */
static size_t
excess_bytes(const struct heap *heap, size_t more_bytes)
{
    const struct heap_totals *totals = &heap->totals;
    size_t all_bytes = held_bytes(heap) + totals->kept_bytes + more_bytes;
    size_t limit_bytes = totals->held_bytes_max + ARENA_BYTES / 4;
    return all_bytes > limit_bytes ? all_bytes - limit_bytes : 0;
}

/* Whether more can be held beside all that is kept. */
bool
growth_allows_kept(const struct heap *heap, size_t more_bytes)
{
    return excess_bytes(heap, more_bytes) == 0;
}

/* More will be held. */
void
growth_prepare(struct heap *heap, size_t more_bytes)
{
    if (heap->kept_count != 0) {
        kept_give_back(heap, excess_bytes(heap, more_bytes));
    }
    size_t next_bytes = held_bytes(heap) + more_bytes;
    bool is_peak = next_bytes > heap->totals.held_bytes_max;
    if (heap->totals.resting_bytes != 0 && is_peak && heap->purge_credit_bytes > 0) {
        purge_resting(heap, next_bytes - heap->totals.held_bytes_max);
    }
}

/* More is held: keep the maxima, and tell who watches, once; who may watch anew. */
void
growth_note(struct heap *heap)
{
    struct heap_totals *totals = &heap->totals;
    if (totals->mapping_bytes > totals->mapping_bytes_max) {
        totals->mapping_bytes_max = totals->mapping_bytes;
    }
    if (held_bytes(heap) > totals->held_bytes_max) {
        totals->held_bytes_max = held_bytes(heap);
    }
    if (held_bytes(heap) > heap->watch_bytes) {
        heap->watch_bytes = SIZE_MAX;
        heap->watch_passed(held_bytes(heap));
    }
}

/* A part of an arena will be touched that never was. */
void
growth_touch(struct heap *heap, size_t more_bytes)
{
    growth_prepare(heap, more_bytes);
    heap->totals.touched_bytes += more_bytes;
    growth_note(heap);
}

/* What was purged before a peak serves again: so it went in vain. */
void
growth_touch_again(struct heap *heap, size_t more_bytes)
{
    growth_touch(heap, more_bytes);
    heap->purge_credit_bytes -= (ptrdiff_t)more_bytes;
}

enum { TAKEN_BYTES_A_BYTE_IN_VAIN = 8, HELD_BYTES_A_BYTE_OF_CREDIT = 8 };

/* A pool or a run begins to serve. Of what does, an eighth may have been purged in vain: so its page faults take little
 * of what a program does with all of it. What is saved up for a worse phase is limited. */
void
growth_note_taken(struct heap *heap, size_t taken_bytes)
{
    size_t credit_bytes_max = ARENA_BYTES + heap->totals.held_bytes_max / HELD_BYTES_A_BYTE_OF_CREDIT;
    heap->purge_credit_bytes += (ptrdiff_t)(taken_bytes / TAKEN_BYTES_A_BYTE_IN_VAIN);
    if (heap->purge_credit_bytes > (ptrdiff_t)credit_bytes_max) {
        heap->purge_credit_bytes = (ptrdiff_t)credit_bytes_max;
    }
}
