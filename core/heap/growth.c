/* Growth: what was obtained from the system at most, and who is to be told.
 *
 * Callers: arena.c, mapping.c, each time that something was obtained. Calls: whoever watches.
 */
#include "heap/structs.h"

void
heap_watch(struct heap *heap, size_t limit_bytes, void (*passed)(void))
{
    heap->watch_bytes = limit_bytes;
    heap->watch_passed = passed;
}

/* Something was obtained from the system: keep the maxima, and tell who watches, once. */
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
    if (totals->arenas * ARENA_BYTES + totals->mapping_bytes > heap->watch_bytes) {
        heap->watch_bytes = SIZE_MAX;
        heap->watch_passed();
    }
}
