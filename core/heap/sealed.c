/* Sealed pools, after they were meshed: those that are spent are renewed, and what shows extents is untouched.
 *
 *     SEALED --last free--> SPENT --renewed--> RESTING, purged
 *
 * What lives there can be read where its pages are at home, without a fault for each mapping that shows them.
 * Neighbours, up to 16, are renewed in one call. Then their blocks' bytes are free in their extents' pages, and pages that
 * nobody shows any more go back.
 *
 * Callers: hook/, module/, mesh.c. Calls: extents.c, survivors.c, pool.c, forks.c, os/. The model is quire.model.mesh.
 */
#include "heap/forks.h"
#include "heap/structs.h"
#include "os/os.h"

static size_t
pages_a_slot(void)
{
    return divide_by_power(POOL_BYTES, os_page_bytes());
}

/* --- mappings --- */

/* Which page of the extents a page of an arena shows, by its number in the arena; PAGE_OWN before and behind its slots. */
static uint32_t
shown_at(const struct pool *slots, size_t page)
{
    size_t slot = divide_by_power(page, pages_a_slot());
    if (slot == 0 || slot >= SLOTS_AN_ARENA) {
        return (uint32_t)PAGE_OWN;
    }
    const struct pool *at = &slots[slot];
    const struct pool *head = at - (at->slot - at->head_slot);
    return pool_is_sealed(head) ? at->shown[modulo_power(page, pages_a_slot())] : (uint32_t)PAGE_OWN;
}

static bool
is_boundary(uint32_t page, uint32_t next)
{
    if (!IS_SHOWN(page) || !IS_SHOWN(next)) {
        return IS_SHOWN(page) != IS_SHOWN(next);
    }
    return next != page + 1 || modulo_power(next, divide_by_power(EXTENT_BYTES, os_page_bytes())) == 0;
}

/* How many mappings end within so many slots, or at their edges. */
size_t
sealed_boundaries(const struct heap *heap, const struct pool *first, size_t slots)
{
    if (POOL_BYTES % os_page_bytes() != 0) {
        return 0; /* no pool of such a system is ever sealed */
    }
    size_t slot = (size_t)(first - heap->slots) % SLOTS_AN_ARENA;
    const struct pool *arena_slots = first - slot;
    size_t boundaries = 0;
    for (size_t page = slot * pages_a_slot(); page <= (slot + slots) * pages_a_slot(); page++) {
        boundaries += is_boundary(shown_at(arena_slots, page - 1), shown_at(arena_slots, page));
    }
    return boundaries;
}

size_t
mesh_count_mappings(const struct heap *heap)
{
    size_t mappings = heap->totals.extents * MAPPINGS_AN_EXTENT;
    for (size_t index = 0; index < heap->arenas_end; index++) {
        if (heap_has_arena(heap, index) && heap_arena(heap, index)->kind != ARENA_RUN) {
            mappings += sealed_boundaries(heap, &slots_of(heap_arena(heap, index))[1], SLOTS_AN_ARENA - 1);
        }
    }
    return mappings;
}

/* --- reading at home --- */

static uint32_t
shown_by(const struct pool *pool, size_t page)
{
    return pool[divide_by_power(page, pages_a_slot())].shown[modulo_power(page, pages_a_slot())];
}

/* Pages of a sealed pool, which show neighbours of one extent. */
static bool
are_in_a_row(const struct pool *pool, size_t first, size_t last)
{
    for (size_t page = first; page <= last; page++) {
        bool is_next = page == first || !is_boundary(shown_by(pool, page - 1), shown_by(pool, page));
        if (!is_next || !IS_SHOWN(shown_by(pool, page))) {
            return false;
        }
    }
    return true;
}

bool
mesh_is_in_use(const struct heap *heap)
{
    return heap->totals.extents != 0;
}

ptrdiff_t
mesh_way_home(const struct heap *heap, const void *page)
{
    const struct pool *pool = heap->totals.extents == 0 ? NULL : pool_at(heap, page);
    if (pool == NULL || pool->state != SLOT_SEALED) {
        return 0;
    }
    size_t pool_end = slots_of_pool(pool) * POOL_BYTES, header_bytes = first_block_offset(pool->size_class);
    size_t start = (size_t)((const char *)page - pool_address(heap, pool)), end = start + PAGE_BYTES_MIN;
    size_t first = start <= header_bytes ? start : start - (start - header_bytes) % pool->block_bytes;
    size_t blocks = (end - header_bytes + pool->block_bytes - 1) / pool->block_bytes;
    size_t last = header_bytes + blocks * pool->block_bytes - 1; /* of the last block that begins there */
    last = last < pool_end ? last : pool_end - 1;
    size_t page_bytes = os_page_bytes();
    if (!are_in_a_row(pool, divide_by_power(first, page_bytes), divide_by_power(last, page_bytes))) {
        return 0;
    }
    const char *home = extents_address(heap, shown_by(pool, divide_by_power(start, page_bytes)));
    home += modulo_power(start, page_bytes);
    return home - (const char *)page;
}

/* --- renewing --- */

void
sealed_note_own_page(struct heap *heap, struct pool *pool, size_t page)
{
    struct pool *slot = &pool[divide_by_power(page, pages_a_slot())];
    uint32_t *shown = &slot->shown[modulo_power(page, pages_a_slot())];
    uint64_t granules[GRANULE_WORDS_MAX];
    survivors_granules(heap, pool, granules);
    extents_note_hidden(heap, shown, 1, &granules[page * words_a_page()]);
    *shown = (uint32_t)PAGE_OWN;
    arena_of_pool(pool)->own_bytes += (uint32_t)os_page_bytes();
    heap->totals.touched_bytes += os_page_bytes();
}

static void
hide_pool(struct heap *heap, const struct pool *pool)
{
    uint64_t granules[GRANULE_WORDS_MAX];
    survivors_granules(heap, pool, granules);
    for (unsigned i = 0; i < slots_of_pool(pool); i++) {
        extents_note_hidden(heap, pool[i].shown, pages_a_slot(), &granules[i * POOL_BYTES / ALIGNMENT_BYTES / 64]);
    }
}

struct renewal {
    size_t pools_left; /* that the step may renew */
    bool is_refused;   /* the system gave no more */
};

/* Neighbours, all of them spent. */
static bool
renew_neighbours(struct heap *heap, struct pool *first, size_t pools)
{
    size_t slots = slots_of_pool(first);
    if (os_renew(pool_address(heap, first), pools * slots * POOL_BYTES) != 0) {
        return false;
    }
    size_t before = sealed_boundaries(heap, first, pools * slots);
    for (size_t i = 0; i < pools; i++) {
        hide_pool(heap, &first[i * slots]);
        pool_note_renewed(heap, &first[i * slots]);
    }
    heap->totals.mesh_mappings -= before - sealed_boundaries(heap, first, pools * slots);
    return true;
}

enum { NEIGHBOURS_MAX = 16 }; /* renewed in one call: all of an arena's would take longer than a step has */

static size_t
count_neighbours(const struct arena *arena, unsigned index, size_t pools_max)
{
    unsigned slots = slots_a_pool(arena);
    const struct pool *first = &slots_of(arena)[index * slots];
    size_t max = pools_max < NEIGHBOURS_MAX ? pools_max : NEIGHBOURS_MAX;
    size_t pools = 0;
    while (index + pools <= arena->cut && pools < max && first[pools * slots].state == SLOT_SPENT) {
        pools++;
    }
    return pools;
}

/* Pools that were empty when their strip was meshed hold nothing: where renewing them would only cut a mapping in two,
 * they wait for their neighbours. */
static bool
are_worth_renewing(const struct heap *heap, const struct pool *first, size_t pools)
{
    size_t slots = pools * slots_of_pool(first);
    for (size_t i = 0; i < pools; i++) {
        if (first[i * slots_of_pool(first)].survivors != 0) {
            return true;
        }
    }
    size_t page = (size_t)(first - heap->slots) % SLOTS_AN_ARENA * pages_a_slot();
    const struct pool *arena_slots = first - (size_t)(first - heap->slots) % SLOTS_AN_ARENA;
    size_t after = (size_t)IS_SHOWN(shown_at(arena_slots, page - 1))
                 + (size_t)IS_SHOWN(shown_at(arena_slots, page + slots * pages_a_slot()));
    return after <= sealed_boundaries(heap, first, slots);
}

/* Up to so many pools, neighbours among the arena's. How many were looked at; they are renewed if that is worth it. */
static size_t
renew_at(struct heap *heap, struct arena *arena, unsigned index, struct renewal *renewal)
{
    size_t pools = count_neighbours(arena, index, renewal->pools_left);
    struct pool *first = &slots_of(arena)[index * slots_a_pool(arena)];
    if (pools != 0 && are_worth_renewing(heap, first, pools)) {
        renewal->is_refused = !renew_neighbours(heap, first, pools);
        renewal->pools_left -= renewal->is_refused ? 0 : pools;
    }
    return pools;
}

/* Whether it is over with this arena. */
static bool
renew_in_arena(struct heap *heap, struct arena *arena, const struct mesh_limits *limits, struct renewal *renewal)
{
    size_t pools_left = renewal->pools_left;
    bool is_over = true;
    unsigned i = 1;
    while (i <= arena->cut && arena->spent != 0 && !renewal->is_refused) {
        bool has_renewed = renewal->pools_left != pools_left;
        if (renewal->pools_left == 0 || (has_renewed && mesh_is_late(limits))) {
            is_over = false;
            break;
        }
        size_t pools = renew_at(heap, arena, i, renewal);
        i += pools != 0 ? (unsigned)pools : 1;
    }
    if (renewal->pools_left != pools_left) {
        purge_put_purged_last(arena);
        pool_settle_arena(heap, arena);
    }
    return is_over;
}

bool
mesh_renew(struct heap *heap, const struct mesh_limits *limits)
{
    size_t *cursor = &heap->mesh.renew_cursor;
    struct renewal renewal = {.pools_left = limits->parts_max};
    bool is_over = true;
    *cursor = *cursor < heap->arenas_end ? *cursor : 0;
    forks_lock();
    for (size_t arenas = 0; *cursor < heap->arenas_end && is_over && !renewal.is_refused; arenas++) {
        is_over = arenas == 0 || !mesh_is_late(limits);
        if (is_over && heap_has_arena(heap, *cursor) && heap_arena(heap, *cursor)->spent != 0) {
            is_over = renew_in_arena(heap, heap_arena(heap, *cursor), limits, &renewal);
        }
        *cursor += is_over;
    }
    forks_unlock();
    if (is_over && !renewal.is_refused) {
        *cursor = 0;
    }
    return is_over;
}

/* --- untouching --- */

static void
untouch_arena(struct heap *heap, struct arena *arena)
{
    size_t page_bytes = os_page_bytes();
    size_t pages = arena->sealed == 0 ? 0 : SLOTS_AN_ARENA * pages_a_slot();
    size_t end;
    for (size_t page = 0; page < pages; page = end) {
        end = page + 1;
        if (!IS_SHOWN(shown_at(slots_of(arena), page))) {
            continue;
        }
        while (IS_SHOWN(shown_at(slots_of(arena), end))) {
            end++;
        }
        os_untouch(arena_address(heap, arena) + page * page_bytes, (end - page) * page_bytes);
    }
}

bool
mesh_untouch(struct heap *heap, const struct mesh_limits *limits)
{
    size_t *cursor = &heap->mesh.untouch_cursor;
    size_t end = heap->arenas_end + heap->extents.end;
    for (size_t parts = 0; *cursor < end; (*cursor)++, parts++) {
        if (parts == limits->parts_max || (parts != 0 && mesh_is_late(limits))) {
            return false;
        }
        size_t number = *cursor - heap->arenas_end;
        if (*cursor < heap->arenas_end) {
            if (heap_has_arena(heap, *cursor) && heap_arena(heap, *cursor)->kind != ARENA_RUN) {
                untouch_arena(heap, heap_arena(heap, *cursor));
            }
        } else if (heap->extents.by_number[number] != NULL) {
            os_untouch(heap->extents.by_number[number]->home, EXTENT_BYTES);
        }
    }
    *cursor = 0;
    return true;
}
