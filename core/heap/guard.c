/* See guard.h. */
#include "heap/guard.h"

#include "os/os.h"

#include <string.h>

enum { MARGIN_PATTERN = 0xA5 };

/* --- making and ending --- */

int
guard_create(uint32_t slots_count, struct guard **created)
{
    size_t page_bytes = os_page_bytes();
    size_t own_bytes = align_up(sizeof(struct guard) + slots_count * sizeof(struct guard_slot), page_bytes);
    char *own;
    int error = os_map(own_bytes, &own);
    if (error != 0) {
        return error;
    }
    struct guard *guard = (struct guard *)own;
    guard->own_bytes = own_bytes;
    guard->page_bytes = page_bytes;
    guard->slot_bytes = align_up(GUARD_BYTES_MAX, page_bytes);
    guard->region_bytes = page_bytes + slots_count * (guard->slot_bytes + page_bytes);
    guard->slots_count = guard->untouched = slots_count;
    error = os_reserve(guard->region_bytes, page_bytes, &guard->region);
    if (error != 0) {
        os_unmap(own, own_bytes);
        return error;
    }
    *created = guard;
    return 0;
}

void
guard_destroy(struct guard *guard)
{
    os_unreserve(guard->region, guard->region_bytes);
    os_unmap((char *)guard, guard->own_bytes);
}

/* --- margins --- */

/* What lies beside a block in its slot, as far as it is filled and looked at. */
struct margins {
    unsigned char *before;
    size_t before_bytes;
    unsigned char *behind;
    size_t behind_bytes;
};

static size_t
margin_of(size_t room_bytes)
{
    return room_bytes < GUARD_MARGIN_BYTES_MAX ? room_bytes : GUARD_MARGIN_BYTES_MAX;
}

static struct margins
margins_of(const struct guard *guard, const struct guard_slot *slot)
{
    char *pages = guard_slot_pages(guard, slot);
    char *end = slot->address + slot->size_bytes;
    size_t before_bytes = margin_of((size_t)(slot->address - pages));
    return (struct margins){
        .before = (unsigned char *)slot->address - before_bytes,
        .before_bytes = before_bytes,
        .behind = (unsigned char *)end,
        .behind_bytes = margin_of((size_t)(pages + guard->slot_bytes - end)),
    };
}

static void
fill_margins(const struct guard *guard, const struct guard_slot *slot)
{
    struct margins margins = margins_of(guard, slot);
    memset(margins.before, MARGIN_PATTERN, margins.before_bytes);
    memset(margins.behind, MARGIN_PATTERN, margins.behind_bytes);
}

ptrdiff_t
guard_damage(const struct guard *guard, const struct guard_slot *slot)
{
    struct margins margins = margins_of(guard, slot);
    for (size_t i = 0; i < margins.behind_bytes; i++) {
        if (margins.behind[i] != MARGIN_PATTERN) {
            return (ptrdiff_t)i + 1;
        }
    }
    for (size_t i = margins.before_bytes; i-- != 0;) {
        if (margins.before[i] != MARGIN_PATTERN) {
            return (ptrdiff_t)i - (ptrdiff_t)margins.before_bytes;
        }
    }
    return 0;
}

/* --- blocks --- */

/* Used slots wait as long as they can; so those never used come first. */
static struct guard_slot *
next_slot(struct guard *guard)
{
    if (guard->untouched != 0) {
        return &guard->slots[guard->slots_count - guard->untouched];
    }
    return guard->freed != 0 ? &guard->slots[guard->first_freed] : NULL;
}

static void
take_slot(struct guard *guard, struct guard_slot *slot)
{
    if (slot->state == GUARD_UNTOUCHED) {
        guard->untouched--;
    } else {
        guard->first_freed = slot->next;
        guard->freed--;
    }
    slot->state = GUARD_ALLOCATED;
    guard->allocated++;
}

static void
queue_slot(struct guard *guard, struct guard_slot *slot)
{
    uint32_t index = (uint32_t)(slot - guard->slots);
    if (guard->freed == 0) {
        guard->first_freed = index;
    } else {
        guard->slots[guard->last_freed].next = index;
    }
    guard->last_freed = index;
    guard->freed++;
    slot->state = GUARD_FREED;
}

struct guard_slot *
guard_allocate(struct guard *guard, size_t size_bytes, bool at_left_end)
{
    ASSERT(size_bytes <= GUARD_BYTES_MAX);
    struct guard_slot *slot = next_slot(guard);
    if (slot == NULL || os_commit(guard_slot_pages(guard, slot), guard->slot_bytes) != 0) {
        return NULL;
    }
    take_slot(guard, slot);
    size_t block_bytes = align_up(size_bytes + (size_bytes == 0), ALIGNMENT_BYTES);
    slot->address = guard_slot_pages(guard, slot) + (at_left_end ? 0 : guard->slot_bytes - block_bytes);
    slot->size_bytes = size_bytes;
    slot->allocated_note[0] = slot->freed_note[0] = '\0';
    guard->live_bytes += size_bytes;
    fill_margins(guard, slot);
    return slot;
}

void
guard_free(struct guard *guard, struct guard_slot *slot)
{
    ASSERT(slot->state == GUARD_ALLOCATED);
    guard->allocated--;
    guard->live_bytes -= slot->size_bytes;
    if (os_decommit(guard_slot_pages(guard, slot), guard->slot_bytes) == 0) {
        queue_slot(guard, slot);
    } else {
        slot->state = GUARD_LOST;
        guard->lost++;
    }
}

/* --- from an address to its slot --- */

/* How far the address is from the slot's block; SIZE_MAX where the slot was never used. */
static size_t
distance_to(const struct guard_slot *slot, const char *address)
{
    if (slot->state == GUARD_UNTOUCHED) {
        return SIZE_MAX;
    }
    if (address < slot->address) {
        return (size_t)(slot->address - address);
    }
    const char *end = slot->address + slot->size_bytes;
    return address < end ? 0 : (size_t)(address - end);
}

struct guard_slot *
guard_slot_of(struct guard *guard, const void *address)
{
    size_t offset = (size_t)((const char *)address - guard->region);
    size_t step_bytes = guard->page_bytes + guard->slot_bytes;
    size_t index = offset / step_bytes;
    bool is_in_guard = offset % step_bytes < guard->page_bytes;
    struct guard_slot *nearest = NULL;
    size_t nearest_bytes = SIZE_MAX;
    for (size_t at = is_in_guard && index > 0 ? index - 1 : index; at <= index && at < guard->slots_count; at++) {
        size_t distance_bytes = distance_to(&guard->slots[at], address);
        if (distance_bytes < nearest_bytes) {
            nearest = &guard->slots[at];
            nearest_bytes = distance_bytes;
        }
    }
    return nearest;
}

/* --- numbers, and the self-check --- */

struct guard_statistics
guard_statistics(const struct guard *guard)
{
    return (struct guard_statistics){guard->slots_count, guard->allocated, guard->freed, guard->lost, guard->live_bytes};
}

static const char *
check_queue(const struct guard *guard)
{
    uint32_t index = guard->first_freed;
    for (uint32_t i = 0; i < guard->freed; i++) {
        CHECK(index < guard->slots_count, "the queue of freed slots is of slots");
        CHECK(guard->slots[index].state == GUARD_FREED, "a slot in the queue is free");
        CHECK(i + 1 != guard->freed || index == guard->last_freed, "the queue ends with the last freed slot");
        index = guard->slots[index].next;
    }
    return NULL;
}

const char *
guard_check(const struct guard *guard)
{
    uint32_t counts[GUARD_LOST + 1] = {0};
    uint32_t used = guard->slots_count - guard->untouched;
    size_t live_bytes = 0;
    for (uint32_t i = 0; i < used; i++) {
        const struct guard_slot *slot = &guard->slots[i];
        CHECK(slot->state != GUARD_UNTOUCHED && slot->state <= GUARD_LOST, "a slot that was used knows its state");
        counts[slot->state]++;
        if (slot->state == GUARD_ALLOCATED) {
            live_bytes += slot->size_bytes;
            CHECK(guard_damage(guard, slot) == 0, "the margins of a guarded block are whole");
        }
    }
    CHECK(counts[GUARD_ALLOCATED] == guard->allocated, "guarded blocks are as many as are counted");
    CHECK(counts[GUARD_FREED] == guard->freed, "freed slots are as many as are counted");
    CHECK(counts[GUARD_LOST] == guard->lost, "lost slots are as many as are counted");
    CHECK(live_bytes == guard->live_bytes, "guarded blocks' bytes add up");
    return check_queue(guard);
}
