/* See residency.h. The system tells which pages are resident (os_resident), the heap's metadata what they hold.
 *
 * In a pool every page that was ever carved is resident, so that live blocks count at their full size, up to what
 * the pool has resident; runs and mappings may have pages that nobody has touched, so those count by page.
 */
#include "observe/residency.h"

#include "heap/proofs.h"
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
    struct sealed *sealed; /* of all arenas */
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

/* What sealed pools show is resident once, in the extents, however many show it. Of all together: */
struct sealed {
    size_t live_bytes;
    size_t own_bytes; /* resident: in pages of their own */
};

static void
add_sealed(struct arena_pages *pages, const struct pool *pool, const char *address)
{
    size_t page_bytes = os_page_bytes();
    size_t pages_a_slot = POOL_BYTES / page_bytes;
    pages->sealed->live_bytes += pool_allocated(pool) * pool->block_bytes;
    for (size_t i = 0; i < slots_of_pool(pool) * pages_a_slot; i++) {
        if (!IS_SHOWN(pool[i / pages_a_slot].shown[i % pages_a_slot])) {
            pages->sealed->own_bytes += resident_in(pages, address + i * page_bytes, page_bytes);
        }
    }
}

static bool
add_pool(void *context, struct pool *pool, char *address)
{
    struct arena_pages *pages = context;
    if (pool_is_sealed(pool)) {
        add_sealed(pages, pool, address);
        return true;
    }
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

struct look {
    struct residency *residency;
    struct sealed sealed;
};

static bool
add_arena(void *context, struct heap *heap, struct arena *arena)
{
    struct look *look = context;
    struct arena_pages pages = {
        .residency = look->residency, .sealed = &look->sealed, .address = arena_address(heap, arena)};
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

static void
add_proofs(const struct heap *heap, struct residency *residency)
{
    struct proofs_piece pieces[3];
    size_t count = proofs_pieces(heap, pieces);
    for (size_t i = 0; i < count; i++) {
        residency->metadata_bytes += residency_of(pieces[i].address, pieces[i].size_bytes);
    }
}

static void
add_extents(const struct heap *heap, const struct sealed *sealed, struct residency *residency)
{
    size_t resident = sealed->own_bytes;
    for (size_t number = 0; number < heap->extents.end; number++) {
        const struct extent *extent = heap->extents.by_number[number];
        if (extent != NULL) {
            resident += residency_of(extent->home, EXTENT_BYTES);
            residency->metadata_bytes += residency_of((char *)extent, extent_own_bytes());
        }
    }
    size_t live = sealed->live_bytes < resident ? sealed->live_bytes : resident;
    residency->live_bytes += live;
    residency->free_bytes += resident - live;
}

void
residency_measure(struct heap *heap, struct residency *residency)
{
    memset(residency, 0, sizeof *residency);
    struct look look = {.residency = residency};
    walk_arenas(heap, add_arena, &look);
    add_extents(heap, &look.sealed, residency);
    add_proofs(heap, residency);
    walk_mappings(heap, add_mapping, residency);
    walk_kept(heap, add_kept, residency);
    residency->metadata_bytes += residency_of((char *)heap, heap->own_bytes);
    residency->metadata_bytes += residency_of((char *)heap->slots, heap->slots_committed_bytes);
    residency->metadata_bytes += residency_of((char *)heap->survivors.words, survivors_table_bytes(heap));
    residency->metadata_bytes += residency_of((char *)heap->mesh.table, mesh_table_bytes(heap));
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
