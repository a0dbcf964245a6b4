/* See walk.h. */
#include "observe/walk.h"

#include <string.h>

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

static_assert(LARGE_POOL_BYTES / SMALL_BYTES_MAX < 64 * LIVE_WORDS_MAX, "a large pool has fewer blocks");

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

static void
set_first_bits(uint64_t *bits, size_t count)
{
    memset(bits, 0xff, count / 64 * sizeof *bits);
    if (count % 64 != 0) {
        bits[count / 64] = ((uint64_t)1 << (count % 64)) - 1;
    }
}

static void
clear_bit(uint64_t *bits, size_t index)
{
    bits[index / 64] &= ~((uint64_t)1 << (index % 64));
}

size_t
walk_live_bits(const struct heap *heap, const struct pool *pool, uint64_t live[LIVE_WORDS_MAX])
{
    if (pool_allocated(pool) == 0) {
        return 0;
    }
    set_first_bits(live, pool->carved);
    for (const void *block = pool->free; block != NULL; block = link_of(block)) {
        clear_bit(live, block_index(heap, pool, block));
    }
    for (size_t index = 0; pool->away != 0 && index < pool->carved; index++) {
        if (pool_is_away(heap, pool, index)) {
            clear_bit(live, index);
        }
    }
    return ((size_t)pool->carved + 63) / 64;
}

static char *
block_in_pool(const struct heap *heap, const struct pool *pool, const void *address, size_t *size_bytes)
{
    bool is_in_use = pool_counts_frees(pool) || pool->state == SLOT_RETIRED;
    size_t index = is_in_use ? block_index(heap, pool, address) : 0; /* huge for what is before the first */
    if (!is_in_use || index >= pool->carved) {
        return NULL;
    }
    *size_bytes = pool->block_bytes;
    return first_block(heap, pool) + index * pool->block_bytes;
}

char *
walk_block_at(const struct heap *heap, const void *address, size_t *size_bytes)
{
    const struct pool *pool = pool_at(heap, address);
    if (pool != NULL) {
        return block_in_pool(heap, pool, address, size_bytes);
    }
    if (heap_standing(heap, address) != STANDING_ALLOCATED) {
        return NULL;
    }
    *size_bytes = heap_size_of(heap, address);
    return (char *)address;
}

static bool
walk_live_in_pool(void *context, struct pool *pool, char *address)
{
    const struct live_walk *walk = context;
    uint64_t live[LIVE_WORDS_MAX];
    size_t words = walk_live_bits(walk->heap, pool, live);
    (void)address;
    for (size_t word = 0; word < words; word++) {
        for (; live[word] != 0; live[word] &= live[word] - 1) {
            size_t index = word * 64 + lowest_bit(live[word]);
            char *block = first_block(walk->heap, pool) + index * pool->block_bytes;
            if (!walk->visit(walk->context, block, pool->block_bytes)) {
                return false;
            }
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
