/* Runs: units in a row that serve one request of 16 to 256 KiB, and the holes between them.
 *
 *     | run       | hole  | run | run         | untouched ...             |
 *     units[]: 12 ... 12  6 . 6  3.3   ...
 *
 * A hole's pages may have gone back (purge.c); they count as untouched until a run needs them again.
 *
 * A table holds the length of each run and hole at its first and at its last unit, so that a run that is given
 * back finds both neighbours. A request takes the smallest hole that is large enough, the lowest of equal ones;
 * the search begins where the first hole may be.
 *
 * Callers: heap.c, pool.c, arena.c, purge.c, observe/. Calls: arena.c, growth.c. The model is quire.model.runs.
 */
#include "heap/structs.h"

/* --- the unit table --- */

static size_t
unit_at(const struct heap *heap, const struct arena *arena, const void *address)
{
    return (size_t)((const char *)address - units_address(heap, arena)) / RUN_UNIT_BYTES;
}

static size_t
length_at(const uint16_t *units, size_t unit)
{
    return units[unit] & UNIT_LENGTH;
}

static bool
is_hole(const uint16_t *units, size_t unit)
{
    return !(units[unit] & UNIT_TAKEN);
}

static void
mark(uint16_t *units, size_t first, size_t length, unsigned taken)
{
    if (length != 0) {
        units[first] = units[first + length - 1] = (uint16_t)(length | taken);
    }
}

/* The length of the hole that begins at the unit; 0 if none does. */
static size_t
hole_from(const uint16_t *units, size_t unit)
{
    return unit < UNITS_AN_ARENA && is_hole(units, unit) ? length_at(units, unit) : 0;
}

/* The length of the hole that ends before the unit; 0 if none does. */
static size_t
hole_before(const uint16_t *units, size_t unit)
{
    return unit > 0 && is_hole(units, unit - 1) ? length_at(units, unit - 1) : 0;
}

/* The arena has a hole that is long enough. */
static size_t
smallest_hole_for(const uint16_t *units, size_t from, size_t length)
{
    size_t best = 0, best_length = SIZE_MAX;
    for (size_t unit = from; unit < UNITS_AN_ARENA && best_length != length; unit += length_at(units, unit)) {
        if (is_hole(units, unit) && units[unit] >= length && units[unit] < best_length) {
            best = unit;
            best_length = units[unit];
        }
    }
    ASSERT(best_length != SIZE_MAX);
    return best;
}

size_t
runs_longest_hole(const struct heap *heap, const struct arena *arena)
{
    const uint16_t *units = units_of(heap, arena);
    size_t longest = 0;
    for (size_t unit = arena->first_hole; unit < UNITS_AN_ARENA; unit += length_at(units, unit)) {
        if (is_hole(units, unit) && units[unit] > longest) {
            longest = units[unit];
        }
    }
    return longest;
}

/* A hole that ends at end has parts: what was touched and what was not. Where the part ends that begins at unit. */
size_t
runs_part_end(const struct arena *arena, const struct unit_table *table, size_t unit, size_t end)
{
    bool is_untouched = unit_is_untouched(arena, table, unit);
    while (unit < end && unit_is_untouched(arena, table, unit) == is_untouched) {
        unit++;
    }
    return unit;
}

/* The longest hole once a hole has changed its length: a walk only where the longest may have shrunk. */
static size_t
longest_after(const struct heap *heap, const struct arena *arena, size_t old_hole, size_t new_hole)
{
    size_t longest = arena->listed_room;
    if (new_hole >= longest) {
        return new_hole;
    }
    return old_hole < longest ? longest : runs_longest_hole(heap, arena);
}

static void
note_resting(struct heap *heap, struct arena *arena, size_t length)
{
    arena->resting = (uint16_t)(arena->resting + length);
    heap->totals.resting_bytes += length * RUN_UNIT_BYTES;
    heap_note_rest(heap, length * RUN_UNIT_BYTES);
}

/* Units from first to end, all of which were taken for resting, are neither purged nor old any more: those that were
 * purged did not rest, and are touched again. */
static SLOW void
take_marks(struct heap *heap, struct arena *arena, size_t first, size_t end)
{
    struct unit_table *table = unit_table_of(heap, arena);
    size_t purged = 0, swept = 0;
    for (size_t unit = first; unit < end; unit++) {
        bool is_purged = unit_is_purged(table, unit), is_old = unit_is_old(table, unit);
        purged += is_purged;
        swept += is_purged && is_old;
        arena->old = (uint16_t)(arena->old - is_old);
        table->purged[unit / 64] &= ~((uint64_t)1 << (unit % 64));
        table->old[unit / 64] &= ~((uint64_t)1 << (unit % 64));
    }
    arena->purged = (uint16_t)(arena->purged - purged);
    arena->resting = (uint16_t)(arena->resting + purged);
    heap->totals.resting_bytes += purged * RUN_UNIT_BYTES;
    if (swept != 0) {
        growth_touch(heap, swept * RUN_UNIT_BYTES);
    }
    if (purged != swept) {
        growth_touch_again(heap, (purged - swept) * RUN_UNIT_BYTES);
    }
}

/* Units of a hole, from first to end, belong to a run from now on. */
static void
note_taken(struct heap *heap, struct arena *arena, size_t first, size_t end)
{
    growth_note_taken(heap, (end - first) * RUN_UNIT_BYTES);
    size_t touched_end = end < arena->touched ? end : arena->touched;
    size_t resting = touched_end > first ? touched_end - first : 0;
    arena->resting = (uint16_t)(arena->resting - resting);
    heap->totals.resting_bytes -= resting * RUN_UNIT_BYTES;
    if (UNLIKELY((arena->purged | arena->old) != 0)) {
        take_marks(heap, arena, first, end);
    }
    if (end > arena->touched) {
        growth_touch(heap, (end - arena->touched) * RUN_UNIT_BYTES);
        arena->touched = (uint16_t)end;
    }
}

static void
note_hole(struct arena *arena, size_t first)
{
    if (first < arena->first_hole) {
        arena->first_hole = (uint16_t)first;
    }
}

/* --- requests --- */

void
runs_begin(struct heap *heap, struct arena *arena)
{
    for (unsigned slot = 1; slot < SLOTS_AN_ARENA; slot++) {
        struct pool *entry = &slots_of(arena)[slot];
        entry->state = SLOT_RUN;
        entry->slot = entry->head_slot = (uint8_t)slot;
        entry->frees_left = 1;
    }
    mark(units_of(heap, arena), 0, UNITS_AN_ARENA, 0);
}

/* dirty_bytes: how many of the run's first bytes may hold old data; the system has cleared the rest. */
void *
runs_allocate(struct heap *heap, size_t size_bytes, size_t *dirty_bytes)
{
    size_t length = run_units_of(size_bytes);
    struct arena *arena = arena_fullest_with(heap, ARENA_RUN, length);
    if (arena == NULL) {
        arena = arena_obtain(heap, ARENA_RUN);
        if (arena == NULL) {
            return NULL;
        }
    }
    uint16_t *units = units_of(heap, arena);
    size_t first = smallest_hole_for(units, arena->first_hole, length);
    size_t hole = units[first];
    size_t dirty_units = arena->touched > first ? arena->touched - first : 0;
    *dirty_bytes = (dirty_units < length ? dirty_units : length) * RUN_UNIT_BYTES;
    mark(units, first, length, UNIT_TAKEN);
    mark(units, first + length, hole - length, 0);
    note_taken(heap, arena, first, first + length);
    if (first == arena->first_hole) {
        arena->first_hole = (uint16_t)(first + length);
    }
    arena->runs++;
    arena_relist(heap, arena, longest_after(heap, arena, hole, hole - length));
    return units_address(heap, arena) + first * RUN_UNIT_BYTES;
}

void
runs_free(struct heap *heap, void *address)
{
    struct arena *arena = arena_of(heap, address);
    uint16_t *units = units_of(heap, arena);
    size_t first = unit_at(heap, arena, address);
    size_t length = length_at(units, first);
    size_t before = hole_before(units, first);
    size_t hole = before + length + hole_from(units, first + length);
    mark(units, first - before, hole, 0);
    mark_free(address, length * RUN_UNIT_BYTES);
    note_hole(arena, first - before);
    note_resting(heap, arena, length);
    arena->runs--;
    arena_settle(heap, arena, longest_after(heap, arena, 0, hole), arena->runs == 0);
}

/* Longer or shorter where it is; false, and nothing done, if the hole behind is too small or runs do not serve it. */
bool
runs_resize(struct heap *heap, void *address, size_t size_bytes)
{
    if (size_bytes <= POOLED_BYTES_MAX || size_bytes > RUN_BYTES_MAX) {
        return false;
    }
    struct arena *arena = arena_of(heap, address);
    uint16_t *units = units_of(heap, arena);
    size_t first = unit_at(heap, arena, address);
    size_t length = run_units_of(size_bytes);
    size_t old_length = length_at(units, first);
    size_t old_hole = hole_from(units, first + old_length);
    if (length > old_length + old_hole) {
        return false;
    }
    if (length != old_length) {
        size_t hole = old_length + old_hole - length;
        mark(units, first, length, UNIT_TAKEN);
        mark(units, first + length, hole, 0);
        mark_free((char *)address + length * RUN_UNIT_BYTES, hole * RUN_UNIT_BYTES);
        if (arena->first_hole == first + old_length) {
            arena->first_hole = (uint16_t)(first + length);
        }
        note_hole(arena, first + length);
        if (length > old_length) {
            note_taken(heap, arena, first + old_length, first + length);
        } else {
            note_resting(heap, arena, old_length - length);
        }
        arena_relist(heap, arena, longest_after(heap, arena, old_hole, hole));
    }
    return true;
}

size_t
runs_size_of(const struct heap *heap, const void *address)
{
    const struct arena *arena = arena_of(heap, address);
    return length_at(units_of(heap, arena), unit_at(heap, arena, address)) * RUN_UNIT_BYTES;
}
