/* A sweep goes over the heap, slot by slot and in bounded steps, and gives back what rests for long.
 *
 *     sweep 1     young --> old     what comes to rest is young; use makes it young again
 *     sweep 2               old --> gone
 *
 * So nothing goes back that did not rest from one sweep to the next, and no path that serves a request has to note when
 * it was used. Of pools in use a sweep notes what it saw of the free list; one that looks the same to the next has rested.
 * Kept pieces come last.
 *
 * Callers: hook/, module/. Calls: purge.c, kept.c. The model is quire.model.purge.
 */
#include "heap/structs.h"

static size_t
resting_bytes(const struct heap *heap)
{
    return heap->totals.resting_bytes + heap->totals.kept_bytes;
}

/* Where the step ended; as far as there are arenas now. */
static size_t
sweep_arenas(struct purge *purge, size_t cursor)
{
    struct heap *heap = purge->heap;
    while (cursor < heap->arenas_end * SLOTS_AN_ARENA && !purge_is_due(purge)) {
        size_t index = cursor / SLOTS_AN_ARENA, slot = SLOTS_AN_ARENA;
        if (heap_has_arena(heap, index)) {
            slot = purge_arena(purge, heap_arena(heap, index), cursor % SLOTS_AN_ARENA);
        }
        cursor = index * SLOTS_AN_ARENA + slot;
    }
    return cursor;
}

struct swept
heap_sweep(struct heap *heap, size_t cursor, const struct sweep_limits *limits)
{
    size_t all_bytes = resting_bytes(heap);
    struct purge purge = {
        .heap = heap,
        .wanted_bytes = all_bytes > limits->reserve_bytes ? all_bytes - limits->reserve_bytes : 0,
        .is_sweep = true,
        .live_percent_max = limits->live_percent_max,
        .only_notes = limits->only_notes,
        .slots_left = limits->slots_max,
        .deadline_ns = limits->deadline_ns,
    };
    size_t end = heap->range_arenas * SLOTS_AN_ARENA;
    cursor = purge_fits_pages() ? sweep_arenas(&purge, cursor) : end;
    if (cursor >= heap->arenas_end * SLOTS_AN_ARENA) {
        cursor = !purge_is_due(&purge) && kept_sweep(&purge) ? 0 : end;
    }
    purge.swept.cursor = cursor;
    return purge.swept;
}
