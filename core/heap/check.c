/* The self-check: every invariant of the heap, by walking everything. It changes nothing and allocates nothing.
 *
 *     arenas --> pools --> free lists        each pool's equation; each free block's place; no block twice
 *            --> runs and holes              lengths add up; no two holes are neighbours
 *     rings, available lists, mappings       whoever should be there is, whoever is there should be
 *
 * Callers: tests, module/. It returns the first broken rule as a sentence, or NULL.
 */
#include "heap/structs.h"

#include <string.h>

/* --- pools --- */

enum { BLOCKS_MAX = POOL_BYTES / ALIGNMENT_BYTES };

static const char *
check_free_list(const struct heap *heap, const struct pool *pool)
{
    uint64_t seen[BLOCKS_MAX / 64] = {0};
    size_t length = 0;
    for (const char *block = pool->free; block != NULL; block = link_of(block)) {
        size_t offset = (size_t)(block - first_block(heap, pool));
        size_t index = offset / pool->block_bytes;
        CHECK(offset % pool->block_bytes == 0, "a free block begins where a block begins");
        CHECK(index < pool->carved, "a free block was cut off once");
        CHECK(!pages_is_away(pool, index), "a free block touches no purged page");
        CHECK(!((seen[index / 64] >> (index % 64)) & 1), "a free block stands on the free list once");
        seen[index / 64] |= (uint64_t)1 << (index % 64);
        length++;
    }
    CHECK(pool_allocated(pool) + length + pool->away == pool->carved, "allocated, free and away add up to those cut off");
    return NULL;
}

static const char *
check_pages(const struct pool *pool)
{
    size_t away = 0;
    for (size_t index = 0; index < pool->carved && pool->purged_pages != 0; index++) {
        away += pages_is_away(pool, index);
    }
    CHECK(away == pool->away, "who touches a purged page is away");
    CHECK(pool->purged_pages == 0 || away != 0, "blocks were cut from a purged page");
    CHECK(pool->purged_pages == 0 || pool->state != SLOT_RETIRED, "a retired pool has all its pages");
    CHECK(pool->purged_pages == 0 || !pool->is_purged, "all of a pool is purged, or pages of it");
    return NULL;
}

static const char *
check_pool(const struct heap *heap, const struct pool *pool, unsigned slot, bool is_large)
{
    CHECK(pool->slot == slot, "a pool knows its slot");
    CHECK(pool->head_slot == slot, "a pool is its own head");
    CHECK(pool->state >= SLOT_LISTED && pool->state <= SLOT_RESTING, "a pool is listed, retired or resting");
    CHECK(pool->domain < DOMAINS, "a pool has a domain");
    CHECK(pool->size_class < CLASSES, "a pool has a size class");
    CHECK(is_large_class(pool->size_class) == is_large, "large pools serve large classes");
    CHECK(pool->block_bytes == block_bytes_of(pool->size_class), "a pool's blocks have its class's size");
    CHECK(pool->capacity == capacity_of(pool->size_class), "blocks fill the pool");
    CHECK(pool->carved <= pool->capacity, "no more blocks are cut off than there are");
    CHECK(pool->state != SLOT_LISTED || pool->frees_left > 0 || pool->is_idle, "a listed pool has a live block");
    CHECK(pool->state != SLOT_RESTING || !pool->is_idle, "a resting pool is not idle");
    CHECK(pool->state != SLOT_LISTED || pool->frees_left <= pool->capacity, "a pool has as many live blocks as fit");
    CHECK(pool->state != SLOT_RETIRED || pool->frees_left == 1, "a retired pool's next free is told");
    CHECK(pool->state != SLOT_RETIRED || pool->free == NULL, "a retired pool has no free block");
    CHECK(pool->state != SLOT_RESTING || pool->frees_left == 0, "a resting pool has no live block");
    CHECK(!pool->is_purged || pool->state == SLOT_RESTING, "a purged pool rests");
    CHECK(!pool->is_purged || pool->carved == 0, "nothing of a purged pool is carved");
    CHECK(!pool->is_old || pool->state == SLOT_RESTING, "an old pool rests");
    const char *broken = check_pages(pool);
    return broken != NULL ? broken : check_free_list(heap, pool);
}

static const char *
check_inner_slots(const struct pool *head)
{
    for (unsigned i = 1; i < SLOTS_A_LARGE_POOL; i++) {
        CHECK(head[i].state == SLOT_INNER, "a larger pool's later slots are inner");
        CHECK(head[i].head_slot == head->slot, "an inner slot knows its head");
        CHECK(head[i].frees_left == 1, "an inner slot's next free is told");
        CHECK(head[i].free == NULL, "an inner slot has no free list");
    }
    return NULL;
}

static const char *
check_resting(const struct arena *arena)
{
    size_t count = 0;
    bool after_purged = false;
    for (const struct pool *pool = arena->free_pool; pool != NULL; pool = pool->next) {
        CHECK(pool->is_purged || !after_purged, "a free pool that has its pages serves before a purged one");
        after_purged = pool->is_purged;
        CHECK(arena_of_pool(pool) == arena, "a free pool rests with its own arena");
        CHECK(pool->state == SLOT_RESTING, "a free pool rests");
        CHECK(++count <= arena->free_pools, "an arena's free pools are as many as it counts");
    }
    CHECK(count == arena->free_pools, "an arena's free pools are as many as it counts");
    return NULL;
}

static const char *
check_pool_arena(const struct heap *heap, const struct arena *arena)
{
    bool is_large = arena->kind == ARENA_LARGE;
    unsigned slots = slots_a_pool(arena);
    CHECK(arena->capacity == SLOTS_AN_ARENA / slots - 1, "pools fill the arena");
    CHECK(arena->cut <= arena->capacity, "no more pools are cut than there are");
    size_t resting = 0, idle = 0, purged = 0, pages = 0, resting_pages = 0;
    for (unsigned i = 1; i <= arena->cut; i++) {
        const struct pool *pool = &slots_of(arena)[i * slots];
        const char *broken = check_pool(heap, pool, i * slots, is_large);
        if (broken == NULL && is_large) {
            broken = check_inner_slots(pool);
        }
        if (broken != NULL) {
            return broken;
        }
        resting += pool->state == SLOT_RESTING;
        idle += pool->is_idle;
        purged += pool->is_purged;
        pages += pool_purged_pages(pool);
        resting_pages += pool->state == SLOT_RESTING ? pool_purged_pages(pool) : 0;
    }
    CHECK(pages == arena->purged_pages, "purged pages are as many as are counted");
    CHECK(resting_pages == arena->resting_purged_pages, "and those of pools that rest");
    CHECK(purged == arena->purged, "purged pools are as many as are counted");
    CHECK(idle == arena->idle, "idle pools are as many as are counted");
    CHECK(resting == arena->free_pools, "every resting pool is free to be taken");
    CHECK(arena->listed_room == resting + arena->capacity - arena->cut, "an arena is listed by its room");
    return check_resting(arena);
}

/* --- runs --- */

static const char *
check_run_arena(const struct heap *heap, const struct arena *arena)
{
    const struct unit_table *table = unit_table_of(heap, arena);
    const uint16_t *units = table->lengths;
    size_t unit = 0, runs = 0, in_runs = 0, purged = 0, old = 0;
    bool after_hole = false;
    while (unit < UNITS_AN_ARENA) {
        size_t length = units[unit] & UNIT_LENGTH;
        bool taken = units[unit] & UNIT_TAKEN;
        CHECK(length != 0, "a run or hole has a length");
        CHECK(unit + length <= UNITS_AN_ARENA, "a run or hole ends in its arena");
        CHECK(units[unit + length - 1] == units[unit], "its length stands at both ends");
        CHECK(taken || !after_hole, "no two holes are neighbours");
        CHECK(!taken || unit + length <= arena->touched, "a run was touched");
        runs += taken;
        in_runs += taken ? length : 0;
        after_hole = !taken;
        for (size_t end = unit + length; unit < end; unit++) {
            CHECK(!taken || !unit_is_purged(table, unit), "nothing of a run is purged");
            CHECK(unit < arena->touched || !unit_is_purged(table, unit), "what was purged was touched before");
            CHECK(!unit_is_old(table, unit) || (!taken && unit < arena->touched), "an old unit rests, or was purged");
            purged += unit_is_purged(table, unit);
            old += unit_is_old(table, unit);
        }
    }
    CHECK(purged == arena->purged, "purged units are as many as are counted");
    CHECK(old == arena->old, "old units are as many as are counted");
    CHECK(in_runs + arena->resting + purged == arena->touched, "what was touched is in runs, rests, or was purged");
    for (size_t hole = 0; hole < arena->first_hole; hole += units[hole] & UNIT_LENGTH) {
        CHECK(units[hole] & UNIT_TAKEN, "no hole begins before the first");
    }
    CHECK(runs == arena->runs, "runs are as many as are counted");
    CHECK(arena->listed_room == runs_longest_hole(heap, arena), "an arena is listed by its longest hole");
    for (unsigned slot = 1; slot < SLOTS_AN_ARENA; slot++) {
        CHECK(slots_of(arena)[slot].state == SLOT_RUN, "a slot of an arena of runs says so");
        CHECK(slots_of(arena)[slot].frees_left == 1, "a run slot's next free is told");
        CHECK(slots_of(arena)[slot].free == NULL, "a run slot has no free list");
    }
    return NULL;
}

/* --- lists over all arenas --- */

static const char *
check_rings(const struct heap *heap, size_t listed_pools)
{
    size_t on_rings = 0;
    for (unsigned d = 0; d < DOMAINS; d++) {
        for (unsigned c = 0; c < CLASSES; c++) {
            const struct pool *first = heap->domains[d].rings[c];
            if (first == &heap_no_pool) {
                continue;
            }
            const struct pool *pool = first;
            do {
                CHECK(pool->state == SLOT_LISTED, "a pool on a ring is listed");
                CHECK(pool->domain == d && pool->size_class == c, "a pool stands on its class's ring");
                CHECK(pool->next->previous == pool, "a ring's links agree");
                CHECK(++on_rings <= listed_pools, "a pool stands on one ring once");
                pool = pool->next;
            } while (pool != first);
        }
    }
    CHECK(on_rings == listed_pools, "every listed pool stands on a ring");
    return NULL;
}

static const char *
check_available(const struct heap *heap, enum arena_kind kind, size_t arenas_with_room)
{
    const struct available *available = &heap->available[kind];
    size_t listed = 0;
    for (size_t room = 0; room < ROOM_LISTS; room++) {
        const struct arena *arena = available->by_room[room];
        bool bit = (available->not_empty[room / 64] >> (room % 64)) & 1;
        CHECK(bit == (arena != NULL), "a list's bit says whether it is empty");
        for (const struct arena *previous = NULL; arena != NULL; previous = arena, arena = arena->next) {
            CHECK(arena->kind == kind, "an arena stands with its kind");
            CHECK(arena->listed_room == room, "an arena stands under its room");
            CHECK(arena->previous == previous, "a list's links agree");
            CHECK(++listed <= arenas_with_room, "an arena stands on one list once");
        }
    }
    CHECK(listed == arenas_with_room, "every arena with room is available");
    return NULL;
}

static const char *
check_mappings(const struct heap *heap)
{
    const struct mapping_table *table = &heap->mappings;
    size_t count = 0, bytes = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        const struct mapping *mapping = &table->places[i];
        if (mapping->address != 0) {
            CHECK(mapping_find(heap, (const void *)mapping->address) == mapping, "a mapping is found by its address");
            count++;
            bytes += mapping->size_bytes;
        }
    }
    CHECK(count == table->count, "mappings are as many as their table counts");
    CHECK(count == heap->totals.mappings, "and as the totals count");
    CHECK(bytes == heap->totals.mapping_bytes, "their bytes add up");
    return NULL;
}

static bool
a_mapping_ends_at(const struct heap *heap, uintptr_t address)
{
    for (size_t i = 0; i < heap->mappings.capacity; i++) {
        const struct mapping *mapping = &heap->mappings.places[i];
        if (mapping->address != 0 && mapping->address + mapping->size_bytes == address) {
            return true;
        }
    }
    return false;
}

static const char *
check_kept(const struct heap *heap)
{
    size_t bytes = 0;
    for (size_t i = 0; i < heap->kept_count; i++) {
        const struct kept *piece = &heap->kept[i];
        CHECK(mapping_find(heap, (const void *)piece->address) == NULL, "a kept piece is nobody's");
        CHECK(piece->size_bytes != 0, "and not empty");
        CHECK(!piece->is_tail || a_mapping_ends_at(heap, piece->address), "a tail begins where a mapping ends");
        bytes += piece->size_bytes;
    }
    CHECK(bytes == heap->totals.kept_bytes, "the bytes of kept pieces add up");
    CHECK(bytes <= KEPT_BYTES_MAX, "and are no more than may be kept");
    return NULL;
}

static size_t
listed_pools_of(const struct arena *arena)
{
    unsigned slots = slots_a_pool(arena);
    size_t listed = 0;
    for (unsigned i = 1; i <= arena->cut; i++) {
        listed += slots_of(arena)[i * slots].state == SLOT_LISTED;
    }
    return listed;
}

const char *
heap_check(struct heap *heap)
{
    size_t arenas = 0, touched_bytes = 0, resting_bytes = 0, listed_pools = 0;
    size_t with_room[ARENA_KINDS] = {0};
    for (size_t index = 0; index < heap->range_arenas; index++) {
        if (!heap_has_arena(heap, index)) {
            continue;
        }
        const struct arena *arena = heap_arena(heap, index);
        CHECK(index < heap->arenas_end, "no arena stands past the end");
        CHECK(arena->index == index, "an arena knows its index");
        CHECK(arena->kind < ARENA_KINDS, "an arena has a kind");
        const char *broken = arena->kind == ARENA_RUN ? check_run_arena(heap, arena) : check_pool_arena(heap, arena);
        if (broken != NULL) {
            return broken;
        }
        arenas++;
        touched_bytes += arena_touched_bytes(arena);
        resting_bytes += arena_resting_bytes(arena);
        with_room[arena->kind] += arena->listed_room != 0;
        listed_pools += arena->kind == ARENA_RUN ? 0 : listed_pools_of(arena);
    }
    CHECK(heap->arenas_end * ENTRIES_BYTES <= heap->slots_committed_bytes, "the table of slots reaches to the end");
    CHECK(arenas == heap->totals.arenas, "arenas are as many as are counted");
    CHECK(touched_bytes == heap->totals.touched_bytes, "what was touched of them adds up");
    CHECK(resting_bytes == heap->totals.resting_bytes, "and what rests with them");
    for (unsigned kind = 0; kind < ARENA_KINDS; kind++) {
        const char *broken = check_available(heap, kind, with_room[kind]);
        if (broken != NULL) {
            return broken;
        }
    }
    const char *broken = check_rings(heap, listed_pools);
    broken = broken != NULL ? broken : check_mappings(heap);
    return broken != NULL ? broken : check_kept(heap);
}
