/* See snapshot_phases.h. */
#include "hook/snapshot_phases.h"

#include "observe/residency.h"
#include "os/os.h"

/* --- pools --- */

static size_t
resident_bytes(const unsigned char *pages, size_t start, size_t size_bytes)
{
    size_t page_bytes = os_page_bytes(), resident = 0;
    for (size_t at = start; at < start + size_bytes; at += page_bytes) {
        resident += pages[at / page_bytes] & 1 ? page_bytes : 0;
    }
    return resident < size_bytes ? resident : size_bytes;
}

static uint8_t
pool_flags(const struct pool *pool)
{
    size_t live = pool_allocated(pool);
    unsigned state = live == 0 ? POOL_EMPTY : live == pool->capacity ? POOL_FULL : POOL_USED;
    return (uint8_t)(state | (pool_is_sealed(pool) ? POOL_SEALED : 0) | (pool->state == SLOT_SPENT ? POOL_SPENT : 0));
}

/* An arena, its pages asked for at once. */
struct arena_walk {
    struct snapshot *snapshot;
    const char *arena;
    unsigned char pages[ARENA_BYTES / PAGE_BYTES_MIN];
};

static bool
put_pool(void *context, struct pool *pool, char *address)
{
    struct arena_walk *walk = context;
    struct snapshot *snapshot = walk->snapshot;
    bool serves = pool->state != SLOT_UNTOUCHED && pool->capacity != 0;
    size_t pool_bytes = slots_a_pool(arena_of_pool(pool)) * POOL_BYTES;
    size_t resident = resident_bytes(walk->pages, (size_t)(address - walk->arena), pool_bytes);
    column_put_u8(column(snapshot, COLUMN_pool_address), address_of(address));
    column_put_u4(column(snapshot, COLUMN_pool_bytes), (uint32_t)pool_bytes);
    column_put_u4(column(snapshot, COLUMN_pool_block_bytes), serves ? pool->block_bytes : 0);
    column_put_u4(column(snapshot, COLUMN_pool_live), (uint32_t)pool_allocated(pool));
    column_put_u4(column(snapshot, COLUMN_pool_resident_bytes), (uint32_t)resident);
    column_put_u1(column(snapshot, COLUMN_pool_flags), pool_flags(pool));
    snapshot->counts.pools++;
    return true;
}

/* --- large blocks --- */

static void
put_large(struct snapshot *snapshot, const char *address, size_t size_bytes, size_t resident, enum large large)
{
    column_put_u8(column(snapshot, COLUMN_large_address), address_of(address));
    column_put_u8(column(snapshot, COLUMN_large_bytes), size_bytes);
    column_put_u8(column(snapshot, COLUMN_large_resident_bytes), resident < size_bytes ? resident : size_bytes);
    column_put_u1(column(snapshot, COLUMN_large_flags), (uint8_t)large);
    snapshot->counts.large++;
}

static bool
put_run(void *context, char *address, size_t size_bytes, enum run_state state)
{
    struct arena_walk *walk = context;
    size_t resident = resident_bytes(walk->pages, (size_t)(address - walk->arena), size_bytes);
    enum large large = state == RUN_ALLOCATED ? LARGE_RUN : state == RUN_FREE ? LARGE_HOLE : LARGE_UNTOUCHED;
    put_large(walk->snapshot, address, size_bytes, resident, large);
    return true;
}

static bool
put_mapping(void *context, char *address, size_t size_bytes)
{
    put_large(context, address, size_bytes, residency_of(address, size_bytes), LARGE_MAPPING);
    return true;
}

static bool
put_kept(void *context, char *address, size_t size_bytes)
{
    put_large(context, address, size_bytes, residency_of(address, size_bytes), LARGE_KEPT);
    return true;
}

/* --- arenas' parts, and what has pages of its own --- */

static bool
put_arena_parts(void *context, struct heap *heap, struct arena *arena)
{
    struct arena_walk walk = {.snapshot = context, .arena = arena_address(heap, arena)};
    if (os_resident(arena_address(heap, arena), ARENA_BYTES, walk.pages) != 0) {
        memset(walk.pages, 0, sizeof walk.pages);
    }
    return arena->kind == ARENA_RUN ? walk_runs(heap, arena, put_run, &walk)
                                    : walk_pools(heap, arena, put_pool, &walk);
}

void
snapshot_put_heap(struct snapshot *snapshot)
{
    struct heap *heap = snapshot->heap;
    walk_arenas(heap, put_arena_parts, snapshot);
    walk_mappings(heap, put_mapping, snapshot);
    walk_kept(heap, put_kept, snapshot);
}
