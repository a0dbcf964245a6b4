/* Arenas: obtained from the system as a whole, listed by how much room they have, given back when empty.
 *
 *     available[kind]   room:  1      2      3     ...
 *                              |      |      |
 *                              A3     A7     -           the fullest that can serve a request
 *                              |                         is the first of the first list
 *                              A1                        with enough room
 *
 * Callers: pool.c, runs.c. Calls: kept.c, where the system refuses; os/.
 */
#include "heap/structs.h"

#include <string.h>

/* The table of slots is committed in steps: whole pages of any size, for eight arenas each. */
#define SLOTS_STEP_BYTES (64 * KIB)

/* --- the lists --- */

static void
unlist(struct available *available, struct arena *arena)
{
    unsigned room = arena->listed_room;
    if (room == 0) {
        return;
    }
    if (arena->previous != NULL) {
        arena->previous->next = arena->next;
    } else {
        available->by_room[room] = arena->next;
    }
    if (arena->next != NULL) {
        arena->next->previous = arena->previous;
    }
    if (available->by_room[room] == NULL) {
        available->not_empty[room / 64] &= ~((uint64_t)1 << (room % 64));
    }
    arena->next = arena->previous = NULL;
    arena->listed_room = 0;
}

static void
list_first(struct available *available, struct arena *arena, size_t room)
{
    arena->previous = NULL;
    arena->next = available->by_room[room];
    if (arena->next != NULL) {
        arena->next->previous = arena;
    }
    available->by_room[room] = arena;
    available->not_empty[room / 64] |= (uint64_t)1 << (room % 64);
    arena->listed_room = (uint16_t)room;
}

/* The least room, from the given one up, whose list is not empty; 0 if there is none. */
static size_t
least_room_from(const struct available *available, size_t room)
{
    size_t word = room / 64;
    uint64_t bits = available->not_empty[word] & (~(uint64_t)0 << (room % 64));
    while (bits == 0) {
        if (++word == ROOM_LISTS / 64) {
            return 0;
        }
        bits = available->not_empty[word];
    }
    return word * 64 + lowest_bit(bits);
}

struct arena *
arena_fullest_with(struct heap *heap, enum arena_kind kind, size_t room)
{
    struct available *available = &heap->available[kind];
    return available->by_room[least_room_from(available, room)]; /* no arena is listed under 0 */
}

void
arena_relist(struct heap *heap, struct arena *arena, size_t room)
{
    ASSERT(room < ROOM_LISTS);
    if (room == arena->listed_room) {
        return;
    }
    struct available *available = &heap->available[arena->kind];
    unlist(available, arena);
    if (room != 0) {
        list_first(available, arena, room);
    }
}

/* Whether no arena of its kind stands behind this one, in its list or in one of more room. */
bool
arena_is_last(const struct heap *heap, const struct arena *arena)
{
    const struct available *available = &heap->available[arena->kind];
    static_assert(UNITS_AN_ARENA + 1 < ROOM_LISTS, "there is a list behind every arena's");
    return arena->next == NULL && least_room_from(available, (size_t)arena->listed_room + 1) == 0;
}

/* --- obtaining and giving back --- */

/* The lowest index that is not in use; range_arenas or more if all are. */
static size_t
lowest_free_index(const struct heap *heap)
{
    size_t words = (heap->range_arenas + 63) / 64;
    for (size_t word = 0; word < words; word++) {
        if (~heap->arena_bits[word] != 0) {
            return word * 64 + lowest_bit(~heap->arena_bits[word]);
        }
    }
    return heap->range_arenas;
}

/* Make the table of slots reach to the arena's entries. It grows with the highest arena, and stays. */
static bool
commit_slots(struct heap *heap, size_t index)
{
    size_t needed_bytes = align_up((index + 1) * ENTRIES_BYTES, SLOTS_STEP_BYTES);
    size_t committed_bytes = heap->slots_committed_bytes;
    if (needed_bytes > committed_bytes) {
        if (os_commit((char *)heap->slots + committed_bytes, needed_bytes - committed_bytes) != 0) {
            return false;
        }
        heap->slots_committed_bytes = needed_bytes;
    }
    return true;
}

static bool
commit_arena(struct heap *heap, size_t index)
{
    return commit_slots(heap, index) && os_commit(heap->range_address + index * ARENA_BYTES, ARENA_BYTES) == 0;
}

/* Entries of an arena that was given back read as zeros again, and take no memory if they are whole pages. */
static void
clear_slots(struct arena *arena)
{
    if (ENTRIES_BYTES % os_page_bytes() != 0 || os_purge((char *)arena, ENTRIES_BYTES) != 0) {
        memset(arena, 0, ENTRIES_BYTES);
    }
}

static void
begin_arena(struct heap *heap, struct arena *arena, size_t index, enum arena_kind kind)
{
    arena->index = (uint32_t)index;
    arena->kind = (uint8_t)kind;
    if (kind == ARENA_RUN) {
        runs_begin(heap, arena);
    } else {
        arena->capacity = (uint16_t)(SLOTS_AN_ARENA / slots_a_pool(arena) - 1);
    }
}

static size_t
room_of_new(enum arena_kind kind, const struct arena *arena)
{
    return kind == ARENA_RUN ? UNITS_AN_ARENA : arena->capacity;
}

struct arena *
arena_obtain(struct heap *heap, enum arena_kind kind)
{
    size_t index = lowest_free_index(heap);
    if (index >= heap->usable_arenas) {
        return NULL;
    }
    struct arena *arena = heap_arena(heap, index);
    if (!commit_arena(heap, index) && !(kept_give_back_all(heap) && commit_arena(heap, index))) {
        return NULL;
    }
    heap->arena_bits[index / 64] |= (uint64_t)1 << (index % 64);
    if (index >= heap->arenas_end) {
        heap->arenas_end = index + 1;
    }
    begin_arena(heap, arena, index, kind);
    mark_free(units_address(heap, arena), ARENA_BYTES - ARENA_HEADER_BYTES);
    arena_relist(heap, arena, room_of_new(kind, arena));
    heap->totals.arenas++;
    heap->totals.arenas_obtained++;
    if (heap->totals.arenas > heap->totals.arenas_max) {
        heap->totals.arenas_max = heap->totals.arenas;
    }
    return arena;
}

/* The system refuses only when it is out of mappings; then the arena stays, empty, for the caller to list. */
static SLOW bool
give_back(struct heap *heap, struct arena *arena)
{
    size_t index = arena->index;
    unlist(&heap->available[arena->kind], arena);
    unmark(arena_address(heap, arena), ARENA_BYTES);
    if (os_decommit(arena_address(heap, arena), ARENA_BYTES) != 0) {
        mark_free(units_address(heap, arena), ARENA_BYTES - ARENA_HEADER_BYTES);
        return false;
    }
    heap->totals.touched_bytes -= arena_touched_bytes(arena);
    heap->totals.resting_bytes -= arena_resting_bytes(arena);
    clear_slots(arena);
    heap->arena_bits[index / 64] &= ~((uint64_t)1 << (index % 64));
    while (heap->arenas_end > 0 && !heap_has_arena(heap, heap->arenas_end - 1)) {
        heap->arenas_end--;
    }
    heap->totals.arenas--;
    heap->totals.arenas_given_back++;
    return true;
}

/* Something in the arena became free. An empty one goes back to the system, unless it is the last that has room:
 * the next request would only ask for it again. */
void
arena_settle(struct heap *heap, struct arena *arena, size_t room, bool is_empty)
{
    if (is_empty && !arena_is_last(heap, arena) && give_back(heap, arena)) {
        return;
    }
    arena_relist(heap, arena, room);
}
