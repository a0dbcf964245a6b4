/* See residency.h. The system tells which pages are resident (os_resident), the heap's metadata what they hold.
 *
 * In a pool every page that was ever carved is resident, so that live blocks count at their full size, up to what
 * the pool has resident; runs and mappings may have pages that nobody has touched, so those count by page.
 */
#include "observe/residency.h"

#include "observe/walk.h"
#include "os/os.h"

#include <string.h>

enum { PAGES_AT_ONCE = 4096 };

size_t
residency_of(char *address, size_t size_bytes)
{
    size_t page_bytes = os_page_bytes();
    char *at = (char *)((uintptr_t)address & ~(page_bytes - 1));
    char *end = (char *)align_up((uintptr_t)address + size_bytes, page_bytes);
    unsigned char pages[PAGES_AT_ONCE];
    size_t resident = 0;
    while (at < end) {
        size_t left = (size_t)(end - at) / page_bytes;
        size_t count = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
        if (os_resident(at, count * page_bytes, pages) == 0) {
            for (size_t i = 0; i < count; i++) {
                resident += pages[i] & 1;
            }
        }
        at += count * page_bytes;
    }
    return resident * page_bytes;
}

/* --- one arena: its pages in one question, then its parts from the answer --- */

struct arena_pages {
    struct residency *residency;
    char *address;
    unsigned char pages[ARENA_BYTES / (4 * KIB)];
};

/* Parts may share a page that is larger than they are: each counts what it takes of it. */
static size_t
resident_in(const struct arena_pages *pages, const char *address, size_t size_bytes)
{
    size_t page_bytes = os_page_bytes();
    size_t at = (size_t)(address - pages->address);
    size_t end = at + size_bytes;
    size_t resident = 0;
    while (at < end) {
        size_t page = at / page_bytes;
        size_t page_end = (page + 1) * page_bytes;
        size_t next = page_end < end ? page_end : end;
        resident += pages->pages[page] & 1 ? next - at : 0;
        at = next;
    }
    return resident;
}

static bool
add_pool(void *context, struct pool *pool, char *address)
{
    struct arena_pages *pages = context;
    size_t resident = resident_in(pages, address, pool_bytes_of(pool->size_class));
    size_t live = pool_allocated(pool) * pool->block_bytes;
    if (live == 0) {
        pages->residency->empty_pool_bytes += resident;
        return true;
    }
    live = live < resident ? live : resident;
    pages->residency->live_bytes += live;
    pages->residency->free_bytes += resident - live;
    return true;
}

static bool
add_run(void *context, char *address, size_t size_bytes, enum run_state state)
{
    struct arena_pages *pages = context;
    size_t resident = resident_in(pages, address, size_bytes);
    *(state == RUN_ALLOCATED ? &pages->residency->live_bytes : &pages->residency->free_run_bytes) += resident;
    return true;
}

/* Slots that are no pool yet are resident where they share a page with one that is; a walk does not visit them. */
static size_t
resident_beside_pools(const struct arena_pages *pages, const struct arena *arena)
{
    size_t pool_bytes = slots_a_pool(arena) * POOL_BYTES;
    size_t cut_end = (1 + (size_t)arena->cut) * pool_bytes; /* slot 0 is in the first */
    return resident_in(pages, pages->address + ARENA_HEADER_BYTES, pool_bytes - ARENA_HEADER_BYTES)
         + resident_in(pages, pages->address + cut_end, ARENA_BYTES - cut_end);
}

static bool
add_arena(void *context, struct heap *heap, struct arena *arena)
{
    struct arena_pages pages = {.residency = context, .address = arena_address(heap, arena)};
    if (os_resident(pages.address, ARENA_BYTES, pages.pages) != 0) {
        return true;
    }
    pages.residency->metadata_bytes += resident_in(&pages, pages.address, ARENA_HEADER_BYTES);
    if (arena->kind == ARENA_RUN) {
        return walk_runs(heap, arena, add_run, &pages);
    }
    pages.residency->empty_pool_bytes += resident_beside_pools(&pages, arena);
    return walk_pools(heap, arena, add_pool, &pages);
}

static bool
add_mapping(void *context, char *address, size_t size_bytes)
{
    struct residency *residency = context;
    residency->live_bytes += residency_of(address, size_bytes);
    return true;
}

static bool
add_kept(void *context, char *address, size_t size_bytes)
{
    struct residency *residency = context;
    residency->free_run_bytes += residency_of(address, size_bytes);
    return true;
}

void
residency_measure(struct heap *heap, struct residency *residency)
{
    memset(residency, 0, sizeof *residency);
    walk_arenas(heap, add_arena, residency);
    walk_mappings(heap, add_mapping, residency);
    walk_kept(heap, add_kept, residency);
    residency->metadata_bytes += residency_of((char *)heap, heap->own_bytes);
    residency->metadata_bytes += residency_of((char *)heap->slots, heap->slots_committed_bytes);
    residency->metadata_bytes += residency_of((char *)heap->mappings.places, mapping_table_bytes(&heap->mappings));
}

void
residency_add_guard(struct guard *guard, struct residency *residency)
{
    size_t resident = residency_of(guard->region, guard->region_bytes);
    size_t live = guard->live_bytes < resident ? guard->live_bytes : resident;
    residency->live_bytes += live;
    residency->free_bytes += resident - live;
    residency->metadata_bytes += residency_of((char *)guard, guard->own_bytes);
}
