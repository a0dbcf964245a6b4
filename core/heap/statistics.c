/* A heap in numbers: nothing is counted on the fast paths, so everything is counted here, by walking.
 *
 * Callers: module/. Cost: one look at the metadata of every pool, 64 bytes each.
 */
#include "heap/structs.h"

#include <string.h>

static size_t
free_list_length(const struct pool *pool)
{
    return pool->carved - pool_allocated(pool) - pool->away;
}

static void
add_pool(struct heap_statistics *statistics, const struct pool *pool)
{
    size_t allocated = pool_allocated(pool);
    if (allocated == 0) {
        return;
    }
    struct class_statistics *counts = &statistics->classes[pool->domain][pool->size_class];
    counts->pools_full += allocated == pool->capacity;
    counts->pools_used += allocated != pool->capacity;
    counts->blocks_allocated += allocated;
    counts->blocks_free += free_list_length(pool);
    counts->blocks_untouched += (size_t)pool->capacity - pool->carved + pool->away;
}

static void
add_pool_arena(struct heap_statistics *statistics, const struct arena *arena)
{
    struct arena_statistics *counts = &statistics->arenas[arena->kind];
    counts->arenas++;
    counts->units_untouched += (size_t)arena->capacity - arena->cut + arena->purged + arena->spent;
    counts->units_free -= (size_t)arena->purged + arena->spent; /* which are counted as free below */
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut; i++) {
        const struct pool *pool = &slots_of(arena)[i * slots];
        *(pool_allocated(pool) != 0 ? &counts->units_in_use : &counts->units_free) += 1;
        add_pool(statistics, pool);
    }
}

static void
add_run_arena(struct heap_statistics *statistics, const struct heap *heap, const struct arena *arena)
{
    struct arena_statistics *counts = &statistics->arenas[ARENA_RUN];
    const uint16_t *units = units_of(heap, arena);
    size_t taken = 0;
    for (size_t unit = 0; unit < UNITS_AN_ARENA; unit += units[unit] & UNIT_LENGTH) {
        taken += units[unit] & UNIT_TAKEN ? (size_t)(units[unit] & UNIT_LENGTH) : 0;
    }
    counts->arenas++;
    counts->units_in_use += taken;
    counts->units_free += arena->resting;
    counts->units_untouched += (size_t)UNITS_AN_ARENA - taken - arena->resting;
    statistics->runs_allocated += arena->runs;
    statistics->run_bytes += taken * RUN_UNIT_BYTES;
}

void
heap_statistics(struct heap *heap, struct heap_statistics *statistics)
{
    memset(statistics, 0, sizeof *statistics);
    statistics->totals = heap->totals;
    for (size_t index = 0; index < heap->arenas_end; index++) {
        if (!heap_has_arena(heap, index)) {
            continue;
        }
        const struct arena *arena = heap_arena(heap, index);
        if (arena->kind == ARENA_RUN) {
            add_run_arena(statistics, heap, arena);
        } else {
            add_pool_arena(statistics, arena);
        }
    }
}
