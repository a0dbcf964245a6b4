/* Growth: what was obtained from the system at most, and who is to be told.
 *
 * Callers: arena.c, mapping.c, each time before and after something is obtained. Calls: kept.c, whoever watches.
 */
#include "heap/structs.h"

void
heap_watch(struct heap *heap, size_t limit_bytes, void (*passed)(size_t held_bytes))
{
    heap->watch_bytes = limit_bytes;
    heap->watch_passed = passed;
}

static size_t
held_bytes(const struct heap *heap)
{
    return heap->totals.arenas * ARENA_BYTES + heap->totals.mapping_bytes;
}

/* Whether more can be obtained beside all that is kept: it is not to make a peak that is higher by more than a quarter
 * of an arena. */
bool
growth_allows_kept(const struct heap *heap, size_t more_bytes)
{
    const struct heap_totals *totals = &heap->totals;
    return held_bytes(heap) + totals->kept_bytes + more_bytes <= totals->held_bytes_max + ARENA_BYTES / 4;
}

/* More will be obtained. */
void
growth_prepare(struct heap *heap, size_t more_bytes)
{
    while (heap->kept_count != 0 && !growth_allows_kept(heap, more_bytes)) {
        kept_give_back_oldest(heap);
    }
}

/* Something was obtained from the system: keep the maxima, and tell who watches, once; who may watch anew. */
void
growth_note(struct heap *heap)
{
    struct heap_totals *totals = &heap->totals;
    if (totals->arenas > totals->arenas_max) {
        totals->arenas_max = totals->arenas;
    }
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
