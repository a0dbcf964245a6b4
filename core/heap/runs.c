/* Runs: units in a row that serve one request of 8 to 256 KiB, and the holes between them.
 *
 *     | run       | hole  | run | run         | untouched ...             |
 *     units[]: 12 ... 12  6 . 6  3.3   ...
 *
 * A table holds the length of each run and hole at its first and at its last unit, so that a run that is given
 * back finds both neighbours. A request takes the smallest hole that is large enough, the lowest of equal ones.
 *
 * Callers: heap.c, pool.c. Calls: arena.c. The model is quire.model.runs.
 */
#include "heap/structs.h"

static uint16_t *
units_of(const struct arena *arena)
{
    return ((struct arena_header *)arena)->units;
}

static size_t
unit_at(const void *address)
{
    return (size_t)((const char *)address - units_address(arena_of(address))) / RUN_UNIT_BYTES;
}

static void
mark(struct arena *arena, size_t first, size_t length, unsigned taken)
{
    if (length != 0) {
        uint16_t *units = units_of(arena);
        units[first] = units[first + length - 1] = (uint16_t)(length | taken);
    }
}

/* The length of the hole that begins at the unit; 0 if none does. */
static size_t
hole_from(const struct arena *arena, size_t unit)
{
    return unit < UNITS_AN_ARENA && !(units_of(arena)[unit] & UNIT_TAKEN) ? units_of(arena)[unit] : 0;
}

/* The length of the hole that ends before the unit; 0 if none does. */
static size_t
hole_before(const struct arena *arena, size_t unit)
{
    return unit > 0 && !(units_of(arena)[unit - 1] & UNIT_TAKEN) ? units_of(arena)[unit - 1] : 0;
}

void
runs_begin(struct arena *arena)
{
    struct arena_header *header = (struct arena_header *)arena;
    for (unsigned slot = 1; slot < SLOTS_AN_ARENA; slot++) {
        header->slots[slot].state = SLOT_RUN;
        header->slots[slot].slot = header->slots[slot].head_slot = (uint8_t)slot;
        header->slots[slot].frees_left = 1;
    }
    mark(arena, 0, UNITS_AN_ARENA, 0);
}

size_t
runs_longest_hole(const struct arena *arena)
{
    const uint16_t *units = units_of(arena);
    size_t longest = 0;
    for (size_t unit = 0; unit < UNITS_AN_ARENA; unit += units[unit] & UNIT_LENGTH) {
        if (!(units[unit] & UNIT_TAKEN) && units[unit] > longest) {
            longest = units[unit];
        }
    }
    return longest;
}

/* The arena has a hole that is long enough. */
static size_t
smallest_hole_for(const struct arena *arena, size_t length)
{
    const uint16_t *units = units_of(arena);
    size_t best = 0, best_length = SIZE_MAX;
    for (size_t unit = 0; unit < UNITS_AN_ARENA; unit += units[unit] & UNIT_LENGTH) {
        if (!(units[unit] & UNIT_TAKEN) && units[unit] >= length && units[unit] < best_length) {
            best = unit;
            best_length = units[unit];
        }
    }
    ASSERT(best_length != SIZE_MAX);
    return best;
}

static void
note_touched(struct arena *arena, size_t end)
{
    if (end > arena->touched) {
        arena->touched = (uint16_t)end;
    }
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
    size_t first = smallest_hole_for(arena, length);
    size_t hole = hole_from(arena, first);
    size_t dirty_units = arena->touched > first ? arena->touched - first : 0;
    *dirty_bytes = (dirty_units < length ? dirty_units : length) * RUN_UNIT_BYTES;
    mark(arena, first, length, UNIT_TAKEN);
    mark(arena, first + length, hole - length, 0);
    note_touched(arena, first + length);
    arena->runs++;
    arena_relist(heap, arena, runs_longest_hole(arena));
    return units_address(arena) + first * RUN_UNIT_BYTES;
}

void
runs_free(struct heap *heap, void *address)
{
    struct arena *arena = arena_of(address);
    size_t first = unit_at(address);
    size_t length = units_of(arena)[first] & UNIT_LENGTH;
    size_t before = hole_before(arena, first);
    size_t hole = before + length + hole_from(arena, first + length);
    mark(arena, first - before, hole, 0);
    arena->runs--;
    size_t room = hole > arena->listed_room ? hole : arena->listed_room;
    arena_settle(heap, arena, room, arena->runs == 0);
}

/* Longer or shorter where it is; false, and nothing done, if the hole behind is too small or runs do not serve it. */
bool
runs_resize(struct heap *heap, void *address, size_t size_bytes)
{
    if (size_bytes <= POOLED_BYTES_MAX || size_bytes > RUN_BYTES_MAX) {
        return false;
    }
    struct arena *arena = arena_of(address);
    size_t first = unit_at(address);
    size_t length = run_units_of(size_bytes);
    size_t old_length = units_of(arena)[first] & UNIT_LENGTH;
    size_t reach = old_length + hole_from(arena, first + old_length);
    if (length > reach) {
        return false;
    }
    if (length != old_length) {
        mark(arena, first, length, UNIT_TAKEN);
        mark(arena, first + length, reach - length, 0);
        note_touched(arena, first + length);
        arena_relist(heap, arena, runs_longest_hole(arena));
    }
    return true;
}

size_t
runs_size_of(const void *address)
{
    return (size_t)(units_of(arena_of(address))[unit_at(address)] & UNIT_LENGTH) * RUN_UNIT_BYTES;
}
