/* A heap as a whole: its making and its end, and the requests, each sent to the file that serves it.
 *
 *     heap_allocate --+-- pool.c      blocks          heap_free --+-- pool.c
 *                     +-- runs.c      runs                        +-- runs.c
 *                     +-- mapping.c   mappings                    +-- mapping.c
 *
 * Callers: hook/, module/. Locking: see heap.h.
 */
#include "heap/fast.h"
#include "heap/forks.h"
#include "heap/proofs.h"

#include <errno.h>
#include <string.h>

const struct pool heap_no_pool = {0};

/* --- making and ending --- */

/* No class has a current pool. */
static void
empty_current(struct domain *domain)
{
    for (unsigned size_class = 0; size_class < CLASSES; size_class++) {
        domain->current[size_class] = (struct pool *)&heap_no_pool;
    }
}

static void
begin_domain(struct heap *heap, unsigned index)
{
    struct domain *domain = &heap->domains[index];
    domain->heap = heap;
    domain->index = (uint8_t)index;
    domain->slots = heap->slots;
    domain->range_address = (uintptr_t)heap->range_address;
    domain->range_bytes = heap->range_arenas * ARENA_BYTES;
    domain->rings = domain->current;
    empty_current(domain);
    memcpy(heap->candidates[index], domain->current, sizeof domain->current);
}

/* Arenas past the range's end are marked as in use, so that none is ever chosen. */
static void
mark_end_of_range(struct heap *heap, size_t words)
{
    for (size_t index = heap->range_arenas; index < words * 64; index++) {
        heap->arena_bits[index / 64] |= (uint64_t)1 << (index % 64);
    }
}

/* The table of slots before the range; both begin where an arena could. */
static size_t
slots_bytes_for(size_t arenas)
{
    return align_up(arenas * ENTRIES_BYTES, ARENA_BYTES);
}

/* The table of slots, the range, and what fills the first holes in it (forks.c). */
static size_t
reserved_bytes_for(size_t arenas)
{
    return slots_bytes_for(arenas) + arenas * ARENA_BYTES + ARENA_BYTES;
}

static size_t
own_bytes_for(size_t arenas, size_t words)
{
    return align_up(sizeof(struct heap) + words * sizeof(uint64_t) + arenas * sizeof(struct extent *), os_page_bytes());
}

int
heap_create(size_t range_bytes, struct heap **created)
{
    if (range_bytes == 0 || range_bytes > SIZE_MAX / 2) {
        return EINVAL;
    }
    size_t arenas = (range_bytes + ARENA_BYTES - 1) / ARENA_BYTES;
    size_t words = (arenas + 63) / 64;
    size_t own_bytes = own_bytes_for(arenas, words);
    char *own;
    int error = os_map(own_bytes, &own);
    if (error != 0) {
        return error;
    }
    struct heap *heap = (struct heap *)own;
    char *reserved;
    error = os_reserve_lonely(reserved_bytes_for(arenas), ARENA_BYTES, &reserved);
    if (error != 0) {
        os_unmap(own, own_bytes);
        return error;
    }
    heap->slots = (struct pool *)reserved;
    heap->range_address = reserved + slots_bytes_for(arenas);
    heap->range_arenas = heap->usable_arenas = arenas;
    heap->spare_bytes = ARENA_BYTES;
    heap->own_bytes = own_bytes;
    heap->watch_bytes = SIZE_MAX;
    heap->notice_bytes = SIZE_MAX;
    mark_end_of_range(heap, words);
    heap->extents.by_number = (struct extent **)(void *)&heap->arena_bits[words];
    for (unsigned index = 0; index < DOMAINS; index++) {
        begin_domain(heap, index);
    }
    *created = heap;
    return 0;
}

static void
unmark_arenas(const struct heap *heap)
{
    for (size_t index = 0; MARKS && index < heap->arenas_end; index++) {
        if (heap_has_arena(heap, index)) {
            unmark(heap->range_address + index * ARENA_BYTES, ARENA_BYTES);
        }
    }
}

void
heap_destroy(struct heap *heap)
{
    for (size_t i = 0; i < heap->mappings.capacity; i++) {
        struct mapping *mapping = &heap->mappings.places[i];
        if (mapping->address != 0) {
            unmark((char *)mapping->address, mapping->size_bytes);
            os_unmap((char *)mapping->address, mapping->size_bytes);
        }
    }
    kept_give_back_all(heap);
    mesh_abandon(heap, &(struct mesh_limits){.parts_max = SIZE_MAX});
    proofs_end(heap);
    mapping_table_release(&heap->mappings);
    survivors_release(heap);
    unmark_arenas(heap);
    forks_lock();
    extents_destroy(heap);
    forks_unlock();
    os_unreserve((char *)heap->slots, reserved_bytes_for(heap->range_arenas));
    os_unmap((char *)heap, heap->own_bytes);
}

struct domain *
heap_domain(struct heap *heap, unsigned index)
{
    ASSERT(index < DOMAINS);
    return &heap->domains[index];
}

void
heap_close_fast_paths(struct heap *heap)
{
    for (unsigned index = 0; index < DOMAINS; index++) {
        struct domain *domain = &heap->domains[index];
        memcpy(domain->closed_rings, domain->current, sizeof domain->current);
        domain->rings = domain->closed_rings;
        domain->range_bytes = 0;
        empty_current(domain);
    }
}

/* --- requests --- */

static void *
allocate_block(struct domain *domain, size_t size_bytes)
{
    unsigned size_class = size_class_of(size_bytes);
    void *block = pool_pop(domain, size_class);
    return mark_allocated(LIKELY(block != NULL) ? block : pool_refill(domain, size_class), size_bytes);
}

void *
heap_allocate(struct domain *domain, size_t size_bytes)
{
    if (LIKELY(size_bytes <= POOLED_BYTES_MAX)) {
        return allocate_block(domain, size_bytes);
    }
    size_t dirty_bytes;
    if (size_bytes <= RUN_BYTES_MAX) {
        return mark_allocated(runs_allocate(domain->heap, size_bytes, &dirty_bytes), size_bytes);
    }
    return mark_allocated(mapping_allocate(domain->heap, size_bytes, &dirty_bytes), size_bytes);
}

/* Runs and mappings tell how much of them the system has just cleared. A block does not: at most 16 KiB, it is
 * cleared sooner than anyone could have kept account of it. */
void *
heap_allocate_zeroed(struct domain *domain, size_t count, size_t size_bytes)
{
    size_t total_bytes;
    if (__builtin_mul_overflow(count, size_bytes, &total_bytes)) {
        return NULL;
    }
    size_t dirty_bytes = total_bytes;
    void *block = total_bytes <= POOLED_BYTES_MAX ? allocate_block(domain, total_bytes)
                : total_bytes <= RUN_BYTES_MAX    ? runs_allocate(domain->heap, total_bytes, &dirty_bytes)
                                                  : mapping_allocate(domain->heap, total_bytes, &dirty_bytes);
    if (block != NULL) {
        mark_zeroed(block, total_bytes);
        memset(block, 0, dirty_bytes < total_bytes ? dirty_bytes : total_bytes);
    }
    return block;
}

void
heap_free(struct domain *domain, void *address)
{
    if (LIKELY(heap_is_in_range(domain->heap, address))) {
        heap_free_in_range(domain, address);
    } else {
        mapping_free(domain->heap, address);
    }
}

/* Whether the request is met where it is; on an own mapping, *address may move with its pages. */
static bool
resize_in_place(struct domain *domain, void **address, size_t size_bytes)
{
    if (heap_is_in_range(domain->heap, *address)) {
        const struct pool *pool = pool_of(domain->heap, *address);
        if (pool->state == SLOT_RUN) {
            return runs_resize(domain->heap, *address, size_bytes);
        }
        return block_stays(pool->block_bytes, size_bytes + (size_bytes == 0));
    }
    if (size_bytes <= RUN_BYTES_MAX / 2) {
        return false;
    }
    void *resized = mapping_resize(domain->heap, *address, size_bytes);
    *address = resized != NULL ? resized : *address;
    return resized != NULL;
}

void *
heap_reallocate(struct domain *domain, void *address, size_t size_bytes)
{
    if (size_bytes > REQUEST_BYTES_MAX) {
        return NULL;
    }
    void *resized = address;
    if (resize_in_place(domain, &resized, size_bytes)) {
        return heap_mark_resized(domain, resized, size_bytes);
    }
    void *fast = heap_is_in_range(domain->heap, address) ? heap_move_fast(domain, address, size_bytes) : NULL;
    if (fast != NULL) {
        return fast;
    }
    size_t old_bytes = heap_size_of(domain->heap, address);
    void *moved = heap_allocate(domain, size_bytes);
    if (moved == NULL) {
        return size_bytes <= old_bytes ? address : NULL; /* shrinking never fails */
    }
    memcpy(moved, address, old_bytes < size_bytes ? old_bytes : size_bytes);
    heap_free(domain, address);
    return moved;
}

/* --- questions --- */

bool
heap_owns(const struct heap *heap, const void *address)
{
    return heap_is_in_range(heap, address) || mapping_find(heap, address) != NULL;
}

static size_t
size_of(const struct heap *heap, const void *address)
{
    if (!heap_is_in_range(heap, address)) {
        return mapping_find(heap, address)->size_bytes;
    }
    const struct pool *pool = pool_of(heap, address);
    return pool->state == SLOT_RUN ? runs_size_of(heap, address) : pool->block_bytes;
}

/* Who asks may touch all of it. */
size_t
heap_size_of(const struct heap *heap, const void *address)
{
    size_t size_bytes = size_of(heap, address);
    unmark(address, size_bytes);
    return size_bytes;
}

static enum standing
standing_in_pool(const struct heap *heap, const void *address)
{
    const struct pool *pool = pool_of(heap, address);
    bool has_blocks = pool_counts_frees(pool) || pool->state == SLOT_RETIRED || pool->state == SLOT_RESTING;
    if (!has_blocks) {
        return STANDING_NONE;
    }
    size_t offset = (size_t)((const char *)address - first_block(heap, pool)); /* huge for what is before it */
    size_t index = offset / pool->block_bytes;
    if (offset % pool->block_bytes != 0 || index >= pool->carved) {
        return STANDING_NONE;
    }
    if (pool->state == SLOT_SEALED && !survivors_has(heap, pool, index)) {
        return STANDING_NONE;
    }
    for (const void *block = pool->free; block != NULL; block = link_of(block)) {
        if (block == address) {
            return STANDING_FREE;
        }
    }
    return pages_is_away(pool, offset / pool->block_bytes) ? STANDING_NONE : STANDING_ALLOCATED;
}

static enum standing
standing_in_runs(const struct heap *heap, const struct arena *arena, const void *address)
{
    size_t offset = (size_t)((const char *)address - units_address(heap, arena));
    if (offset % RUN_UNIT_BYTES != 0) {
        return STANDING_NONE;
    }
    /* Only a walk tells a run's first unit from what an older run left in the table. */
    const uint16_t *units = units_of(heap, arena);
    size_t wanted = offset / RUN_UNIT_BYTES;
    size_t unit = 0;
    while (unit < wanted) {
        unit += units[unit] & UNIT_LENGTH;
    }
    return unit == wanted && (units[unit] & UNIT_TAKEN) ? STANDING_ALLOCATED : STANDING_NONE;
}

enum standing
heap_standing(const struct heap *heap, const void *address)
{
    if (!heap_is_in_range(heap, address)) {
        return mapping_find(heap, address) != NULL ? STANDING_ALLOCATED : STANDING_NONE;
    }
    size_t offset = (size_t)((const char *)address - heap->range_address);
    if (!heap_has_arena(heap, offset / ARENA_BYTES) || offset % ARENA_BYTES < ARENA_HEADER_BYTES) {
        return STANDING_NONE;
    }
    const struct arena *arena = arena_of(heap, address);
    return arena->kind == ARENA_RUN ? standing_in_runs(heap, arena, address) : standing_in_pool(heap, address);
}
