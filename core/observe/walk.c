/* See walk.h. */
#include "observe/walk.h"

bool
walk_arenas(struct heap *heap, bool (*visit)(void *context, struct heap *heap, struct arena *arena), void *context)
{
    for (size_t index = 0; index < heap->arenas_end; index++) {
        if (heap_has_arena(heap, index) && !visit(context, heap, heap_arena(heap, index))) {
            return false;
        }
    }
    return true;
}

bool
walk_pools(struct heap *heap, struct arena *arena, bool (*visit)(void *context, struct pool *pool, char *address),
           void *context)
{
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut; i++) {
        struct pool *pool = &slots_of(arena)[i * slots];
        if (!visit(context, pool, pool_address(heap, pool))) {
            return false;
        }
    }
    return true;
}

static bool
walk_hole(struct heap *heap, struct arena *arena, size_t first, size_t end,
          bool (*visit)(void *context, char *address, size_t size_bytes, enum run_state state), void *context)
{
    const struct unit_table *table = unit_table_of(heap, arena);
    size_t part_end;
    for (size_t unit = first; unit < end; unit = part_end) {
        part_end = runs_part_end(arena, table, unit, end);
        char *address = units_address(heap, arena) + unit * RUN_UNIT_BYTES;
        enum run_state state = unit_is_untouched(arena, table, unit) ? RUN_UNTOUCHED : RUN_FREE;
        if (!visit(context, address, (part_end - unit) * RUN_UNIT_BYTES, state)) {
            return false;
        }
    }
    return true;
}

bool
walk_runs(struct heap *heap, struct arena *arena,
          bool (*visit)(void *context, char *address, size_t size_bytes, enum run_state state), void *context)
{
    const uint16_t *units = units_of(heap, arena);
    size_t length;
    for (size_t unit = 0; unit < UNITS_AN_ARENA; unit += length) {
        length = units[unit] & UNIT_LENGTH;
        char *address = units_address(heap, arena) + unit * RUN_UNIT_BYTES;
        bool goes_on = units[unit] & UNIT_TAKEN
                           ? visit(context, address, length * RUN_UNIT_BYTES, RUN_ALLOCATED)
                           : walk_hole(heap, arena, unit, unit + length, visit, context);
        if (!goes_on) {
            return false;
        }
    }
    return true;
}

bool
walk_mappings(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context)
{
    for (size_t i = 0; i < heap->mappings.capacity; i++) {
        const struct mapping *mapping = &heap->mappings.places[i];
        if (mapping->address != 0 && !visit(context, (char *)mapping->address, mapping->size_bytes)) {
            return false;
        }
    }
    return true;
}

bool
walk_kept(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context)
{
    for (size_t i = 0; i < heap->kept_count; i++) {
        if (!visit(context, (char *)heap->kept[i].address, heap->kept[i].size_bytes)) {
            return false;
        }
    }
    return true;
}

bool
walk_extents(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context)
{
    for (size_t number = 0; number < heap->extents.end; number++) {
        struct extent *extent = heap->extents.by_number[number];
        bool goes_on = extent == NULL
                    || (visit(context, extent->home, EXTENT_BYTES) && visit(context, (char *)extent, extent_own_bytes()));
        if (!goes_on) {
            return false;
        }
    }
    return true;
}

/* --- what is live --- */

enum { BLOCKS_A_POOL_MAX = POOL_BYTES / ALIGNMENT_BYTES };
static_assert(LARGE_POOL_BYTES / SMALL_BYTES_MAX < BLOCKS_A_POOL_MAX, "a large pool has fewer blocks than a small one");

struct live_walk {
    struct heap *heap;
    bool (*visit)(void *context, char *address, size_t size_bytes);
    void *context;
};

static size_t
block_index(const struct heap *heap, const struct pool *pool, const void *block)
{
    return (size_t)((const char *)block - first_block(heap, pool)) / pool->block_bytes;
}

static bool
walk_live_in_pool(void *context, struct pool *pool, char *address)
{
    const struct live_walk *walk = context;
    uint64_t is_free[BLOCKS_A_POOL_MAX / 64] = {0};
    (void)address;
    if (pool_allocated(pool) == 0) {
        return true;
    }
    for (const void *block = pool->free; block != NULL; block = link_of(block)) {
        size_t index = block_index(walk->heap, pool, block);
        is_free[index / 64] |= (uint64_t)1 << (index % 64);
    }
    char *block = first_block(walk->heap, pool);
    for (size_t index = 0; index < pool->carved; index++, block += pool->block_bytes) {
        bool is_live = !((is_free[index / 64] >> (index % 64)) & 1) && !pool_is_away(walk->heap, pool, index);
        if (is_live && !walk->visit(walk->context, block, pool->block_bytes)) {
            return false;
        }
    }
    return true;
}

static bool
walk_live_run(void *context, char *address, size_t size_bytes, enum run_state state)
{
    const struct live_walk *walk = context;
    return state != RUN_ALLOCATED || walk->visit(walk->context, address, size_bytes);
}

static bool
walk_live_in_arena(void *context, struct heap *heap, struct arena *arena)
{
    return arena->kind == ARENA_RUN ? walk_runs(heap, arena, walk_live_run, context)
                                    : walk_pools(heap, arena, walk_live_in_pool, context);
}

bool
walk_live(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context)
{
    struct live_walk walk = {heap, visit, context};
    return walk_arenas(heap, walk_live_in_arena, &walk) && walk_mappings(heap, visit, context);
}
