/* Mappings: requests above the largest run, each with pages of its own, outside the range.
 *
 * The kernel grows and moves them by their pages, without copying. A table by address tells them from what was
 * never ours; they begin at a page, which next to nothing else does, so that most questions end at one test.
 *
 * Callers: heap.c. Calls: os/.
 */
#include "heap/structs.h"
#include "os/os.h"

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
    if (((uintptr_t)address & (4 * KIB - 1)) != 0 || address == NULL || table->count == 0) {
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
    return os_map(mapped_bytes, address) == 0 || (kept_give_back(heap) && os_map(mapped_bytes, address) == 0);
}

static bool
remap(struct heap *heap, struct mapping mapping, size_t new_bytes, char **moved)
{
    char *address = (char *)mapping.address;
    unmark(address, mapping.size_bytes);
    if (os_remap(address, mapping.size_bytes, new_bytes, moved) != 0
        && !(kept_give_back(heap) && os_remap(address, mapping.size_bytes, new_bytes, moved) == 0)) {
        return false;
    }
    if (new_bytes < mapping.size_bytes) {
        heap->totals.mapping_bytes_given_back += mapping.size_bytes - new_bytes;
    }
    return true;
}

/* A kept mapping, made as large as is asked for. */
static bool
reuse(struct heap *heap, size_t mapped_bytes, char **address, size_t *dirty_bytes)
{
    struct mapping kept;
    if (!kept_take(heap, mapped_bytes, &kept)) {
        return false;
    }
    growth_prepare(heap, mapped_bytes);
    *address = (char *)kept.address;
    unmark(*address, kept.size_bytes);
    *dirty_bytes = kept.size_bytes < mapped_bytes ? kept.size_bytes : mapped_bytes;
    if (kept.size_bytes != mapped_bytes && !remap(heap, kept, mapped_bytes, address)) {
        kept_add(heap, kept);
        return false;
    }
    return true;
}

/* dirty_bytes: how many of its first bytes may hold old data; the system has cleared the rest. */
void *
mapping_allocate(struct heap *heap, size_t size_bytes, size_t *dirty_bytes)
{
    if (size_bytes > REQUEST_BYTES_MAX || !table_reserve(&heap->mappings)) {
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

void
mapping_free(struct heap *heap, void *address)
{
    struct mapping *place = probe(&heap->mappings, (uintptr_t)address);
    struct mapping mapping = *place;
    mark_freed(address, mapping.size_bytes);
    table_remove(&heap->mappings, place);
    heap->totals.mappings--;
    heap->totals.mapping_bytes -= mapping.size_bytes;
    kept_add(heap, mapping);
}

/* Grow or shrink by pages; the address may change. NULL, and nothing done, if the system refuses. */
void *
mapping_resize(struct heap *heap, void *address, size_t size_bytes)
{
    struct mapping *place = probe(&heap->mappings, (uintptr_t)address);
    size_t old_bytes = place->size_bytes;
    size_t new_bytes = pages_for(size_bytes);
    if (new_bytes == old_bytes) {
        return address;
    }
    if (new_bytes > old_bytes) {
        growth_prepare(heap, new_bytes - old_bytes);
    }
    char *moved;
    if (!remap(heap, *place, new_bytes, &moved)) {
        return NULL;
    }
    table_remove(&heap->mappings, place);
    table_add(&heap->mappings, moved, new_bytes);
    heap->totals.mapping_bytes += new_bytes - old_bytes;
    growth_note(heap);
    return moved;
}
