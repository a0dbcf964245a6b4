/* Purge: pages of empty pools, of holes between runs, and pages of sparse pools on which no block lives, go back to the
 * system while their arena stays. They count as untouched again.
 *
 *     | used | resting  resting | sparse: page page live page | resting | untouched ...
 *             \_________ one call _________/           \_ another _/
 *
 * What rests with an arena of one kind serves no request of another kind, nor one for a mapping. So before the heap
 * would hold more than ever, as much goes back, from the last arena on; unless what was purged before was soon needed
 * again (growth.c). A sweep (sweep.c) purges what has rested for long, and leaves a reserve.
 *
 * Callers: growth.c, sweep.c. Calls: pages.c, runs.c, os/. The model is quire.model.purge.
 */
#include "heap/structs.h"

enum { SLOTS_A_LOOK = 64 }; /* at the clock: as long as a call of the system's, about */

/* Whether the step ends here. */
bool
purge_is_due(struct purge *purge)
{
    if (purge->deadline_ns != 0 && purge->unasked >= SLOTS_A_LOOK) {
        purge->unasked = 0;
        purge->is_late = os_now_ns() >= purge->deadline_ns;
    }
    return purge->slots_left == 0 || purge->swept.is_refused || purge->is_late;
}

/* So many slots of the step's are spent. */
void
purge_spend(struct purge *purge, size_t slots)
{
    purge->unasked += slots;
    purge->slots_left -= slots < purge->slots_left ? slots : purge->slots_left;
}

/* The system refuses where memory is locked; then nothing has changed. */
static bool
purge_bytes(struct purge *purge, char *address, size_t size_bytes)
{
    unmark(address, size_bytes);
    int error = os_purge(address, size_bytes);
    mark_free(address, size_bytes);
    if (error != 0) {
        purge->swept.is_refused = true;
        purge->heap->purge_refusal = error;
    }
    purge->unasked = SLOTS_A_LOOK;
    return !purge->swept.is_refused;
}

/* It rested. */
static void
note_gone(struct purge *purge, size_t size_bytes)
{
    purge->heap->totals.resting_bytes -= size_bytes;
    purge->heap->totals.touched_bytes -= size_bytes;
}

static void
want_less(struct purge *purge, size_t size_bytes)
{
    purge->wanted_bytes -= size_bytes < purge->wanted_bytes ? size_bytes : purge->wanted_bytes;
}

/* --- pools --- */

static size_t
resting_bytes_of(const struct pool *pool)
{
    return pool_bytes_of(pool->size_class) - pool_purged_pages(pool) * os_page_bytes();
}

static void
note_purged(struct purge *purge, struct pool *pool)
{
    size_t gone_bytes = resting_bytes_of(pool);
    note_gone(purge, gone_bytes);
    purge->swept.empty_pool_bytes += gone_bytes;
    pool->is_purged = true;
    pool->is_old = purge->is_sweep;
    pool->free = NULL;
    pool->carved = 0;
    arena_of_pool(pool)->purged++;
    pages_forget(pool);
}

static void
note_pages_purged(struct purge *purge, struct pool *pool, unsigned pages)
{
    size_t gone_bytes = (size_t)__builtin_popcount(pages) * os_page_bytes();
    purge->heap->totals.touched_bytes -= gone_bytes;
    purge->swept.page_bytes += gone_bytes;
    pool->seen = pages_seen(purge->heap, pool) | PAGES_LOOKED_AT;
}

/* What was offered goes back; returns whether the system took it. Links may stand on pages of pools in use: so these
 * leave the free lists before. */
static bool
purge_offered(struct purge *purge)
{
    struct heap *heap = purge->heap;
    char *start = purge->offered, *end = start + purge->offered_bytes;
    size_t pool_bytes = slots_a_pool(arena_of(heap, start)) * POOL_BYTES;
    purge->offered_bytes = 0;
    for (char *at = start; at < end; at = (char *)align_up((uintptr_t)at + 1, pool_bytes)) {
        struct pool *pool = pool_of(heap, at);
        if (pool->state == SLOT_LISTED) {
            pages_take_away(heap, pool, pages_between(heap, pool, at, end));
        }
    }
    bool is_done = purge_bytes(purge, start, (size_t)(end - start));
    for (char *at = start; at < end; at = (char *)align_up((uintptr_t)at + 1, pool_bytes)) {
        struct pool *pool = pool_of(heap, at);
        if (pool->state != SLOT_LISTED && is_done) {
            note_purged(purge, pool);
        } else if (pool->state == SLOT_LISTED && is_done) {
            note_pages_purged(purge, pool, pages_between(heap, pool, at, end));
        } else if (pool->state == SLOT_LISTED) {
            pages_bring_back(heap, pool, pages_between(heap, pool, at, end));
            pool->seen = pages_seen(heap, pool);
        }
    }
    return is_done;
}

/* Returns whether the system took what was offered before, which was no neighbour. */
static bool
offer(struct purge *purge, char *address, size_t size_bytes)
{
    if (purge->offered_bytes != 0 && address != purge->offered + purge->offered_bytes && !purge_offered(purge)) {
        return false;
    }
    if (purge->offered_bytes == 0) {
        purge->offered = address;
    }
    purge->offered_bytes += size_bytes;
    return true;
}

/* Before a peak neighbours go as a whole, and are a few more than are wanted. */
static bool
is_wanted(const struct purge *purge, const char *address, size_t size_bytes)
{
    if (purge->is_sweep) {
        return size_bytes <= purge->wanted_bytes;
    }
    return purge->wanted_bytes != 0 || (purge->offered_bytes != 0 && address == purge->offered + purge->offered_bytes);
}

static bool
purge_resting_pool(struct purge *purge, struct pool *pool)
{
    char *address = pool_address(purge->heap, pool);
    size_t resting_bytes = resting_bytes_of(pool);
    if (purge->is_sweep && !pool->is_old) {
        pool->is_old = true;
        purge->swept.young_bytes += resting_bytes;
        return true;
    }
    if (!is_wanted(purge, address, resting_bytes)) {
        return true;
    }
    want_less(purge, resting_bytes);
    return offer(purge, address, pool_bytes_of(pool->size_class));
}

static bool
offer_pages(struct purge *purge, struct pool *pool, unsigned pages)
{
    char *address = pool_address(purge->heap, pool);
    while (pages != 0) {
        unsigned first = lowest_bit(pages);
        unsigned count = lowest_bit(~(pages >> first));
        if (!offer(purge, address + first * os_page_bytes(), count * os_page_bytes())) {
            return false;
        }
        pages &= ~(((1u << count) - 1) << first);
    }
    return true;
}

/* It serves, and few of its blocks live. */
static bool
purge_sparse_pool(struct purge *purge, struct pool *pool)
{
    if (!pages_have_rested(purge->heap, pool)) {
        pool->seen = pages_seen(purge->heap, pool);
        purge->swept.young_pools++;
        return true;
    }
    if (purge->only_notes || (pool->seen & PAGES_LOOKED_AT)) {
        return true;
    }
    unsigned pages = pages_without_live_block(purge->heap, pool);
    pool->seen |= pages == 0 ? PAGES_LOOKED_AT : 0;
    purge->unasked = SLOTS_A_LOOK;
    return offer_pages(purge, pool, pages);
}

/* False: the system did not take what was offered before. */
static bool
purge_pool(struct purge *purge, struct pool *pool)
{
    if (pool->state == SLOT_RESTING) {
        return pool->is_purged || purge_resting_pool(purge, pool);
    }
    bool is_sparse = pool->state == SLOT_LISTED && purge->live_percent_max != 0
                  && pool->frees_left * 100 <= (size_t)purge->live_percent_max * pool->capacity;
    return !is_sparse || purge_sparse_pool(purge, pool);
}

/* Those that have their pages serve first. */
void
purge_put_purged_last(struct arena *arena)
{
    struct pool *purged = NULL, **with_pages_end = &arena->free_pool, **purged_end = &purged;
    for (struct pool *pool = arena->free_pool; pool != NULL; pool = pool->next) {
        struct pool ***end = pool->is_purged ? &purged_end : &with_pages_end;
        **end = pool;
        *end = &pool->next;
    }
    *purged_end = NULL;
    *with_pages_end = purged;
}

static size_t
purge_pools(struct purge *purge, struct arena *arena, size_t first_slot)
{
    size_t slots = slots_a_pool(arena);
    size_t end = slots * (arena->cut + 1u);
    size_t slot = align_up(first_slot == 0 ? 1 : first_slot, slots); /* the first is slot 0's */
    size_t purged = arena->purged;
    for (; slot < end && !purge_is_due(purge); slot += slots) {
        if (!purge_pool(purge, &slots_of(arena)[slot])) {
            break;
        }
        purge_spend(purge, slots);
    }
    if (purge->offered_bytes != 0) {
        purge_offered(purge);
    }
    if (arena->purged != purged) {
        purge_put_purged_last(arena);
    }
    return slot < end ? slot : SLOTS_AN_ARENA;
}

/* --- holes between runs --- */

static void
set_bits(uint64_t *bits, size_t first, size_t end, bool to)
{
    for (size_t unit = first; unit < end; unit++) {
        uint64_t bit = (uint64_t)1 << (unit % 64);
        bits[unit / 64] = to ? bits[unit / 64] | bit : bits[unit / 64] & ~bit;
    }
}

/* Units of one age in a row, none of them purged: whole pages of them. */
static bool
purge_units(struct purge *purge, struct arena *arena, size_t first, size_t end)
{
    size_t units_a_page = os_page_bytes() / RUN_UNIT_BYTES;
    size_t wanted = purge->wanted_bytes / RUN_UNIT_BYTES;
    end = purge->is_sweep && end - first > wanted ? first + wanted : end;
    first = align_up(first, units_a_page);
    end = end / units_a_page * units_a_page;
    if (first >= end) {
        return true;
    }
    size_t size_bytes = (end - first) * RUN_UNIT_BYTES;
    if (!purge_bytes(purge, units_address(purge->heap, arena) + first * RUN_UNIT_BYTES, size_bytes)) {
        return false;
    }
    struct unit_table *table = unit_table_of(purge->heap, arena);
    for (size_t unit = first; unit < end; unit++) {
        arena->old = (uint16_t)(arena->old - unit_is_old(table, unit) + purge->is_sweep);
    }
    set_bits(table->old, first, end, purge->is_sweep);
    set_bits(table->purged, first, end, true);
    arena->purged = (uint16_t)(arena->purged + (end - first));
    arena->resting = (uint16_t)(arena->resting - (end - first));
    note_gone(purge, size_bytes);
    want_less(purge, size_bytes);
    purge->swept.hole_bytes += size_bytes;
    return true;
}

static void
make_old(struct purge *purge, struct arena *arena, size_t first, size_t end)
{
    set_bits(unit_table_of(purge->heap, arena)->old, first, end, true);
    arena->old = (uint16_t)(arena->old + (end - first));
    purge->swept.young_bytes += (end - first) * RUN_UNIT_BYTES;
}

/* Where the units end that are as old as the first. */
static size_t
age_end(const struct unit_table *table, size_t first, size_t end)
{
    size_t unit = first;
    while (unit < end && unit_is_old(table, unit) == unit_is_old(table, first)) {
        unit++;
    }
    return unit;
}

/* Units of a hole that have their pages. */
static bool
purge_part(struct purge *purge, struct arena *arena, size_t first, size_t end)
{
    if (!purge->is_sweep) {
        return purge_units(purge, arena, first, end);
    }
    const struct unit_table *table = unit_table_of(purge->heap, arena);
    size_t next;
    for (size_t unit = first; unit < end; unit = next) {
        next = age_end(table, unit, end);
        if (!unit_is_old(table, unit)) {
            make_old(purge, arena, unit, next);
        } else if (!purge_units(purge, arena, unit, next)) {
            return false;
        }
    }
    return true;
}

static bool
purge_hole(struct purge *purge, struct arena *arena, size_t first, size_t end)
{
    const struct unit_table *table = unit_table_of(purge->heap, arena);
    size_t part_end;
    for (size_t unit = first; unit < end && (purge->is_sweep || purge->wanted_bytes != 0); unit = part_end) {
        part_end = runs_part_end(arena, table, unit, end);
        if (!unit_is_untouched(arena, table, unit) && !purge_part(purge, arena, unit, part_end)) {
            return false;
        }
    }
    return true;
}

enum { UNITS_A_SLOT = POOL_BYTES / RUN_UNIT_BYTES };

/* It is swept whole, unless the deadline ends the step: then the next begins at a slot, and misses a few units. */
static size_t
purge_holes(struct purge *purge, struct arena *arena, size_t first_slot)
{
    const uint16_t *units = units_of(purge->heap, arena);
    size_t from = first_slot == 0 ? 0 : (first_slot - 1) * UNITS_A_SLOT;
    size_t unit = 0, length;
    for (; unit < arena->touched && !purge_is_due(purge); unit += length) {
        length = units[unit] & UNIT_LENGTH;
        if (!(units[unit] & UNIT_TAKEN) && unit + length > from) {
            purge_hole(purge, arena, unit > from ? unit : from, unit + length);
        }
        purge->unasked++;
    }
    if (unit < arena->touched) {
        return 1 + (unit + UNITS_A_SLOT - 1) / UNITS_A_SLOT;
    }
    purge_spend(purge, SLOTS_AN_ARENA);
    return SLOTS_AN_ARENA;
}

/* --- */

/* From a slot of the arena on; returns the slot where it ended, and one past the last if the arena is done. */
size_t
purge_arena(struct purge *purge, struct arena *arena, size_t first_slot)
{
    size_t slot = arena->kind == ARENA_RUN ? purge_holes(purge, arena, first_slot)
                                           : purge_pools(purge, arena, first_slot);
    return purge->swept.is_refused ? SLOTS_AN_ARENA : slot;
}

/* Whether pages are small enough that pools are made of whole ones. */
bool
purge_fits_pages(void)
{
    return POOL_BYTES % os_page_bytes() == 0;
}

void
purge_resting(struct heap *heap, size_t wanted_bytes)
{
    if (wanted_bytes == 0 || !purge_fits_pages()) {
        return;
    }
    wanted_bytes = wanted_bytes < ARENA_BYTES / 4 ? ARENA_BYTES / 4 : wanted_bytes;
    struct purge purge = {.heap = heap, .wanted_bytes = wanted_bytes, .slots_left = SIZE_MAX};
    for (size_t index = heap->arenas_end; index-- > 0 && purge.wanted_bytes != 0 && !purge.swept.is_refused;) {
        struct arena *arena = heap_arena(heap, index);
        if (heap_has_arena(heap, index) && arena_resting_bytes(arena) != 0) {
            purge_arena(&purge, arena, 0);
        }
    }
}
