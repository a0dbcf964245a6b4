/* The self-check: every invariant of the heap, by walking everything. It changes nothing and allocates nothing.
 *
 *     arenas --> pools --> free lists        each pool's equation; each free block's place; no block twice
 *            --> sealed pools                each survivor's place in an extent is taken, and by nobody else
 *            --> runs and holes              lengths add up; no two holes are neighbours
 *     rings, available lists, mappings       whoever should be there is, whoever is there should be
 *
 * Callers: tests, module/. It returns the first broken rule as a sentence, or NULL.
 */
#include "heap/structs.h"
#include "os/os.h"

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
    CHECK(away == pool->away || pool->state == SLOT_SEALED, "who touches a purged page is away");
    CHECK(pool->purged_pages == 0 || !pool_is_sealed(pool), "pages of a sealed pool are not purged, but shown or not");
    CHECK(pool->purged_pages == 0 || away != 0, "blocks were cut from a purged page");
    CHECK(pool->purged_pages == 0 || pool->state != SLOT_RETIRED, "a retired pool has all its pages");
    CHECK(pool->purged_pages == 0 || !pool->is_purged, "all of a pool is purged, or pages of it");
    return NULL;
}

static const char *
check_survivors(const struct heap *heap, const struct pool *pool)
{
    size_t free = pool->carved - pool->away - pool_allocated(pool);
    size_t survivors = survivors_count(heap, pool);
    CHECK(pool->state != SLOT_SEALED || survivors == pool_allocated(pool) + free, "survivors are live, or freed since");
    CHECK(pool->state != SLOT_CANDIDATE || survivors >= pool_allocated(pool), "what is live survives");
    for (const char *block = pool->free; pool->state == SLOT_SEALED && block != NULL; block = link_of(block)) {
        size_t index = (size_t)(block - first_block(heap, pool)) / pool->block_bytes;
        CHECK(survivors_has(heap, pool, index), "a sealed pool's free block was a survivor");
    }
    return NULL;
}

static const char *
check_meshed(const struct heap *heap, const struct pool *pool)
{
    CHECK(!pool->is_idle || pool->state == SLOT_LISTED || pool->state == SLOT_RETIRED, "an idle pool serves its class");
    CHECK(pool->state != SLOT_SEALED || pool->frees_left > 0, "a sealed pool has a live block");
    CHECK(pool->state != SLOT_SPENT || pool->frees_left == 0, "a spent pool has none");
    CHECK(pool->state != SLOT_SPENT || pool->carved == 0, "nothing of a spent pool is carved");
    CHECK(pool->state != SLOT_CANDIDATE || pool->frees_left > 0, "a candidate has a live block");
    CHECK(pool->state != SLOT_CANDIDATE || heap->mesh.phase != MESH_IDLE, "a candidate is one of a pass");
    CHECK(pool->state != SLOT_SEALED || pool->survivors != 0, "a sealed pool's survivors are known");
    bool may_have = pool->state == SLOT_CANDIDATE || pool_is_sealed(pool);
    CHECK(may_have || pool->survivors == 0, "nobody else's are kept");
    return pool->survivors == 0 ? NULL : check_survivors(heap, pool);
}

static const char *
check_pool(const struct heap *heap, const struct pool *pool, unsigned slot, bool is_large)
{
    CHECK(pool->slot == slot, "a pool knows its slot");
    CHECK(pool->head_slot == slot, "a pool is its own head");
    bool is_pool = pool->state != SLOT_UNTOUCHED && pool->state != SLOT_INNER && pool->state != SLOT_RUN;
    CHECK(is_pool && pool->state <= SLOT_SPENT, "a pool has a pool's state");
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
    const char *broken = check_meshed(heap, pool);
    broken = broken != NULL ? broken : check_pages(pool);
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
    size_t resting = 0, idle = 0, purged = 0, pages = 0, resting_pages = 0, sealed = 0, spent = 0;
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
        sealed += pool_is_sealed(pool);
        spent += pool->state == SLOT_SPENT;
    }
    CHECK(pages == arena->purged_pages, "purged pages are as many as are counted");
    CHECK(resting_pages == arena->resting_purged_pages, "and those of pools that rest");
    CHECK(purged == arena->purged, "purged pools are as many as are counted");
    CHECK(sealed == arena->sealed, "sealed pools are as many as are counted");
    CHECK(spent == arena->spent, "and spent ones");
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
check_ring(const struct pool *first, unsigned domain, unsigned size_class, enum slot_state state, size_t *pools_left)
{
    const struct pool *pool = first;
    do {
        if (first == &heap_no_pool) {
            return NULL;
        }
        CHECK(pool->state == state, "a pool on a ring is listed, or a candidate");
        CHECK(pool->domain == domain && pool->size_class == size_class, "a pool stands on its class's ring");
        CHECK(pool->next->previous == pool, "a ring's links agree");
        CHECK((*pools_left)-- > 0, "a pool stands on one ring once");
        pool = pool->next;
    } while (pool != first);
    return NULL;
}

static const char *
check_rings(const struct heap *heap, size_t listed_pools, size_t candidates)
{
    for (unsigned d = 0; d < DOMAINS; d++) {
        for (unsigned c = 0; c < CLASSES; c++) {
            const char *broken = check_ring(heap->domains[d].rings[c], d, c, SLOT_LISTED, &listed_pools);
            broken = broken != NULL ? broken : check_ring(heap->candidates[d][c], d, c, SLOT_CANDIDATE, &candidates);
            if (broken != NULL) {
                return broken;
            }
        }
    }
    CHECK(listed_pools == 0, "every listed pool stands on a ring");
    CHECK(candidates == 0, "and every candidate");
    return NULL;
}

/* --- extents: all sealed pools are looked at for each of them --- */

static const char *
check_piece(const struct extent *extent, struct extent *expected, size_t page, const uint64_t *granules)
{
    CHECK(page < extent->cut, "a page that is shown was cut");
    CHECK(extent->shown[page] != SHOWN_NEVER, "and has not gone back");
    expected->in_use = (uint16_t)(expected->in_use + (expected->shown[page]++ == 0));
    CHECK(extent_take(expected, page, granules), "no two survivors are at one place");
    return NULL;
}

static const char *
check_shown(const struct heap *heap, size_t number, struct extent *expected, const struct pool *pool)
{
    size_t pages_a_slot = POOL_BYTES / os_page_bytes();
    size_t pages_an_extent = EXTENT_BYTES / os_page_bytes();
    uint64_t granules[GRANULE_WORDS_MAX];
    survivors_granules(heap, pool, granules);
    for (size_t i = 0; i < slots_of_pool(pool) * pages_a_slot; i++) {
        uint32_t page = pool[i / pages_a_slot].shown[i % pages_a_slot];
        const uint64_t *of_page = &granules[i * (os_page_bytes() / ALIGNMENT_BYTES / 64)];
        CHECK(!IS_SHOWN(page) || page / pages_an_extent < heap->extents.end, "a shown page is one of an extent");
        CHECK(!IS_SHOWN(page) || heap->extents.by_number[page / pages_an_extent] != NULL, "which is there");
        for (size_t word = 0; page == (uint32_t)PAGE_NONE && word < os_page_bytes() / ALIGNMENT_BYTES / 64; word++) {
            CHECK(of_page[word] == 0, "no survivor is where there is no memory");
        }
        if (IS_SHOWN(page) && page / pages_an_extent == number) {
            const struct extent *extent = heap->extents.by_number[number];
            const char *broken = check_piece(extent, expected, page % pages_an_extent, of_page);
            if (broken != NULL) {
                return broken;
            }
        }
    }
    return NULL;
}

static const char *
check_extent(const struct heap *heap, size_t number)
{
    struct extent expected = {0};
    for (size_t index = 0; index < heap->arenas_end; index++) {
        const struct arena *arena = heap_arena(heap, index);
        for (unsigned i = 1; heap_has_arena(heap, index) && arena->kind != ARENA_RUN && i <= arena->cut; i++) {
            const struct pool *pool = &slots_of(arena)[i * slots_a_pool(arena)];
            const char *broken = pool_is_sealed(pool) ? check_shown(heap, number, &expected, pool) : NULL;
            if (broken != NULL) {
                return broken;
            }
        }
    }
    const struct extent *extent = heap->extents.by_number[number];
    CHECK(extent->in_use == expected.in_use, "an extent's pages that are shown are as many as it counts");
    for (size_t page = 0; page < EXTENT_BYTES / os_page_bytes(); page++) {
        size_t shown = extent->shown[page] == SHOWN_NEVER ? 0 : extent->shown[page];
        CHECK(shown == expected.shown[page], "by as many as it counts");
        bool is_open = page < extent->cut && extent->shown[page] != SHOWN_NEVER;
        CHECK(((extent->open[page / 64] >> (page % 64)) & 1) == is_open, "places are where pages were cut and not gone");
    }
    CHECK(extent->cut <= extent->obtained, "and have memory");
    CHECK(memcmp(extent->taken, expected.taken, sizeof expected.taken) == 0, "what is taken is a survivor's");
    return NULL;
}

static const char *
check_extents(const struct heap *heap)
{
    size_t extents = 0, shared_bytes = 0;
    for (size_t number = 0; number < heap->extents.end; number++) {
        const struct extent *extent = heap->extents.by_number[number];
        if (extent != NULL) {
            extents++;
            shared_bytes += extent_shared_bytes(extent);
            CHECK(extent->home != NULL, "an extent has a home");
            const char *broken = check_extent(heap, number);
            if (broken != NULL) {
                return broken;
            }
        }
    }
    CHECK(extents == heap->totals.extents, "extents are as many as are counted");
    CHECK(shared_bytes == heap->totals.shared_bytes, "and their bytes");
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
pools_of(const struct arena *arena, enum slot_state state)
{
    unsigned slots = slots_a_pool(arena);
    size_t pools = 0;
    for (unsigned i = 1; i <= arena->cut && arena->kind != ARENA_RUN; i++) {
        pools += slots_of(arena)[i * slots].state == state;
    }
    return pools;
}

const char *
heap_check(struct heap *heap)
{
    size_t arenas = 0, touched_bytes = 0, resting_bytes = 0, listed_pools = 0;
    size_t candidates = 0, sealed = 0, spent = 0;
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
        listed_pools += pools_of(arena, SLOT_LISTED);
        candidates += pools_of(arena, SLOT_CANDIDATE);
        sealed += pools_of(arena, SLOT_SEALED);
        spent += pools_of(arena, SLOT_SPENT);
    }
    CHECK(heap->arenas_end * ENTRIES_BYTES <= heap->slots_committed_bytes, "the table of slots reaches to the end");
    CHECK(arenas == heap->totals.arenas, "arenas are as many as are counted");
    CHECK(touched_bytes == heap->totals.touched_bytes, "what was touched of them adds up");
    CHECK(resting_bytes == heap->totals.resting_bytes, "and what rests with them");
    CHECK(sealed == heap->totals.sealed_pools, "sealed pools are as many as the totals count");
    CHECK(spent == heap->totals.spent_pools, "and spent ones");
    CHECK(mesh_count_mappings(heap) == heap->totals.mesh_mappings, "and the mappings that they make");
    for (unsigned kind = 0; kind < ARENA_KINDS; kind++) {
        const char *broken = check_available(heap, kind, with_room[kind]);
        if (broken != NULL) {
            return broken;
        }
    }
    const char *broken = check_rings(heap, listed_pools, candidates);
    broken = broken != NULL ? broken : check_extents(heap);
    broken = broken != NULL ? broken : check_mappings(heap);
    return broken != NULL ? broken : check_kept(heap);
}
