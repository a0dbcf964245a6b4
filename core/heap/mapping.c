/* Mappings: requests above the largest run, each with pages of its own, outside the range.
 *
 * The kernel grows and moves them by their pages, without copying. A table by address tells them from what was
 * never ours; they begin at a page, which next to nothing else does, so that most questions end at one test.
 *
 * Callers: heap.c. Calls: kept.c, growth.c, os/.
 */
#include "heap/structs.h"

#include <string.h>

static size_t
pages_for(size_t size_bytes)
{
    return align_up(size_bytes, os_page_bytes());
}

/* --- the table --- */

/* Neighbouring pages land far apart. */
static size_t
place_of(uintptr_t address, size_t capacity)
{
    uint64_t page = address / (4 * KIB);
    return (size_t)((page * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (capacity - 1);
}

/* Where the address stands, or the unused place where it would. */
static struct mapping *
probe(const struct mapping_table *table, uintptr_t address)
{
    size_t place = place_of(address, table->capacity);
    while (table->places[place].address != 0 && table->places[place].address != address) {
        place = (place + 1) & (table->capacity - 1);
    }
    return &table->places[place];
}

size_t
mapping_table_bytes(const struct mapping_table *table)
{
    return pages_for(table->capacity * sizeof(struct mapping));
}

void
mapping_table_release(struct mapping_table *table)
{
    if (table->capacity != 0) {
        os_unmap((char *)table->places, mapping_table_bytes(table));
    }
}

/* Make sure that one more mapping fits. */
static bool
table_reserve(struct mapping_table *table)
{
    if ((table->count + 1) * 2 <= table->capacity) {
        return true;
    }
    struct mapping_table larger = {.capacity = table->capacity == 0 ? 256 : table->capacity * 2, .count = table->count};
    char *places;
    if (os_map(mapping_table_bytes(&larger), &places) != 0) {
        return false;
    }
    larger.places = (struct mapping *)places;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->places[i].address != 0) {
            *probe(&larger, table->places[i].address) = table->places[i];
        }
    }
    mapping_table_release(table);
    *table = larger;
    return true;
}

static void
table_add(struct mapping_table *table, const char *address, size_t size_bytes)
{
    struct mapping *place = probe(table, (uintptr_t)address);
    ASSERT(place->address == 0);
    *place = (struct mapping){(uintptr_t)address, size_bytes};
    table->count++;
}

/* Close the gap: whatever stands behind it and could not stand at its own place moves up. */
static void
table_remove(struct mapping_table *table, struct mapping *removed)
{
    size_t mask = table->capacity - 1;
    size_t gap = (size_t)(removed - table->places);
    for (size_t at = (gap + 1) & mask; table->places[at].address != 0; at = (at + 1) & mask) {
        size_t home = place_of(table->places[at].address, table->capacity);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->places[gap] = table->places[at];
            gap = at;
        }
    }
    table->places[gap] = (struct mapping){0};
    table->count--;
}

const struct mapping *
mapping_find(const struct heap *heap, const void *address)
{
    const struct mapping_table *table = &heap->mappings;
    if ((uintptr_t)address % PAGE_BYTES_MIN != 0 || address == NULL || table->count == 0) {
        return NULL;
    }
    const struct mapping *place = probe(table, (uintptr_t)address);
    return place->address != 0 ? place : NULL;
}

/* --- requests --- */

static bool
map(struct heap *heap, size_t mapped_bytes, char **address)
{
    growth_prepare(heap, mapped_bytes);
    if (!table_reserve(&heap->mappings)) {
        return false;
    }
    return os_map(mapped_bytes, address) == 0 || (kept_give_back_all(heap) && os_map(mapped_bytes, address) == 0);
}

static bool
remap(struct heap *heap, char *address, size_t old_bytes, size_t new_bytes, char **moved)
{
    unmark(address, old_bytes);
    return os_remap(address, old_bytes, new_bytes, moved) == 0
        || (kept_give_back_all(heap) && os_remap(address, old_bytes, new_bytes, moved) == 0);
}

/* Kept pages, and more behind them, if they are too few. */
static bool
reuse(struct heap *heap, size_t mapped_bytes, char **address, size_t *dirty_bytes)
{
    struct kept kept;
    if (heap->kept_count == 0 || !table_reserve(&heap->mappings) || !kept_take(heap, mapped_bytes, &kept)) {
        return false;
    }
    *address = (char *)kept.address;
    *dirty_bytes = kept.size_bytes;
    if (kept.size_bytes < mapped_bytes) {
        growth_prepare(heap, mapped_bytes);
        if (!remap(heap, *address, kept.size_bytes, mapped_bytes, address)) {
            kept_add(heap, kept);
            *dirty_bytes = 0;
            return false;
        }
    }
    unmark(*address, mapped_bytes);
    return true;
}

/* dirty_bytes: how many of its first bytes may hold old data; the system has cleared the rest. */
void *
mapping_allocate(struct heap *heap, size_t size_bytes, size_t *dirty_bytes)
{
    if (size_bytes > REQUEST_BYTES_MAX) {
        return NULL;
    }
    char *address;
    size_t mapped_bytes = pages_for(size_bytes);
    *dirty_bytes = 0;
    if (!reuse(heap, mapped_bytes, &address, dirty_bytes) && !map(heap, mapped_bytes, &address)) {
        return NULL;
    }
    table_add(&heap->mappings, address, mapped_bytes);
    mark_free(address, mapped_bytes);
    heap->totals.mappings++;
    heap->totals.mapping_bytes += mapped_bytes;
    growth_note(heap);
    return address;
}

static void
keep(struct heap *heap, struct mapping mapping)
{
    size_t tail_bytes = kept_take_tail(heap, mapping.address + mapping.size_bytes);
    kept_add(heap, (struct kept){mapping.address, mapping.size_bytes + tail_bytes, .is_tail = false});
}

void
mapping_free(struct heap *heap, void *address)
{
    struct mapping *place = probe(&heap->mappings, (uintptr_t)address);
    struct mapping mapping = *place;
    mark_freed(address, mapping.size_bytes);
    table_remove(&heap->mappings, place);
    heap->totals.mappings--;
    heap->totals.mapping_bytes -= mapping.size_bytes;
    keep(heap, mapping);
}

/* --- resizing --- */

static void
keep_tail(struct heap *heap, const struct mapping *mapping, size_t tail_bytes)
{
    if (tail_bytes != 0) {
        kept_add(heap, (struct kept){mapping->address + mapping->size_bytes, tail_bytes, .is_tail = true});
    }
}

static void
set_size(struct heap *heap, struct mapping *place, size_t new_bytes)
{
    heap->totals.mapping_bytes += new_bytes - place->size_bytes;
    place->size_bytes = new_bytes;
}

static void
shrink(struct heap *heap, struct mapping *place, size_t new_bytes)
{
    size_t tail_bytes = kept_take_tail(heap, place->address + place->size_bytes) + place->size_bytes - new_bytes;
    set_size(heap, place, new_bytes);
    keep_tail(heap, place, tail_bytes);
}

/* Copying a page takes about a quarter of the time in which the system clears one. */
static bool
is_better_copied(const struct heap *heap, size_t old_bytes, size_t new_bytes)
{
    return kept_bytes_for(heap, new_bytes) >= old_bytes + old_bytes / 4;
}

/* There is a kept piece that is large enough. */
static char *
move_to_kept(struct heap *heap, struct mapping *place, size_t new_bytes)
{
    struct kept target;
    struct mapping old = *place;
    if (!kept_take(heap, new_bytes, &target)) {
        return NULL;
    }
    ASSERT(target.size_bytes == new_bytes);
    unmark((char *)target.address, new_bytes);
    unmark((char *)old.address, old.size_bytes);
    memcpy((char *)target.address, (char *)old.address, old.size_bytes);
    table_remove(&heap->mappings, place);
    table_add(&heap->mappings, (char *)target.address, new_bytes);
    heap->totals.mapping_bytes += new_bytes - old.size_bytes;
    keep(heap, old);
    return (char *)target.address;
}

/* The tail is the mapping's already, and not enough. */
static char *
grow_by_pages(struct heap *heap, struct mapping *place, size_t tail_bytes, size_t new_bytes)
{
    char *moved;
    growth_prepare(heap, new_bytes - place->size_bytes);
    if (!remap(heap, (char *)place->address, place->size_bytes + tail_bytes, new_bytes, &moved)) {
        keep_tail(heap, place, tail_bytes);
        return NULL;
    }
    heap->totals.mapping_bytes += new_bytes - place->size_bytes;
    table_remove(&heap->mappings, place);
    table_add(&heap->mappings, moved, new_bytes);
    return moved;
}

static char *
grow_into_tail(struct heap *heap, struct mapping *place, size_t tail_bytes, size_t new_bytes)
{
    size_t rest_bytes = place->size_bytes + tail_bytes - new_bytes;
    unmark((char *)place->address + place->size_bytes, tail_bytes);
    set_size(heap, place, new_bytes);
    keep_tail(heap, place, rest_bytes);
    return (char *)place->address;
}

static char *
grow(struct heap *heap, struct mapping *place, size_t new_bytes)
{
    size_t old_bytes = place->size_bytes;
    size_t tail_bytes = kept_take_tail(heap, place->address + old_bytes);
    if (old_bytes + tail_bytes >= new_bytes) {
        return grow_into_tail(heap, place, tail_bytes, new_bytes);
    }
    if (is_better_copied(heap, old_bytes, new_bytes)) {
        keep_tail(heap, place, tail_bytes);
        return move_to_kept(heap, place, new_bytes);
    }
    return grow_by_pages(heap, place, tail_bytes, new_bytes);
}

/* Grow or shrink by pages; the address may change. NULL, and nothing done, if the system refuses. */
void *
mapping_resize(struct heap *heap, void *address, size_t size_bytes)
{
    struct mapping *place = probe(&heap->mappings, (uintptr_t)address);
    size_t new_bytes = pages_for(size_bytes);
    if (new_bytes < place->size_bytes) {
        shrink(heap, place, new_bytes);
    } else if (new_bytes > place->size_bytes) {
        address = grow(heap, place, new_bytes);
        growth_note(heap);
    }
    return address;
}
