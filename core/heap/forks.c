/* See forks.h. */
#include "heap/forks.h"

#include "heap/structs.h"
#include "os/os.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_LOST = 71 }; /* EX_OSERR: the system has no memory for the child */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct heap *followed; /* heaps that have had an extent */

void
forks_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void
forks_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

static void
for_each_extent(void (*visit)(struct heap *heap, struct extent *extent))
{
    for (struct heap *heap = followed; heap != NULL; heap = heap->next_with_extents) {
        for (size_t number = 0; number < heap->extents.end; number++) {
            if (heap->extents.by_number[number] != NULL) {
                visit(heap, heap->extents.by_number[number]);
            }
        }
    }
}

/* Pages that somebody shows, to a new home or to memory that is there. 0, or the errno value of what was refused. */
static int
copy_used(const struct extent *extent, const char *from, char *to, bool is_home)
{
    size_t page_bytes = os_page_bytes();
    size_t pages = EXTENT_BYTES / page_bytes;
    size_t end;
    for (size_t first = 0; first < pages; first = end + 1) {
        end = first;
        while (end < pages && extent->shown[end] != 0 && extent->shown[end] != SHOWN_NEVER) {
            end++;
        }
        size_t offset = first * page_bytes, size_bytes = (end - first) * page_bytes;
        int error = is_home && size_bytes != 0 ? os_populate(to + offset, size_bytes) : 0;
        if (error != 0) {
            return error;
        }
        memcpy(to + offset, from + offset, size_bytes);
    }
    return 0;
}

/* NULL: the system refuses. */
static char *
make_home(const struct extent *extent, const char *from)
{
    char *home;
    if (os_share(EXTENT_BYTES, &home) != 0) {
        return NULL;
    }
    if (copy_used(extent, from, home, true) != 0) {
        os_unshare(home, EXTENT_BYTES);
        return NULL;
    }
    return home;
}

/* --- before, and in the parent --- */

static void
copy_extent(struct heap *heap, struct extent *extent)
{
    (void)heap;
    extent->next_home = make_home(extent, extent->home);
    if (extent->next_home == NULL) {
        (void)copy_used(extent, extent->home, extent_copy(extent), false);
    }
}

/* What the system does not take back, locked memory for one, serves the next fork. */
static void
drop_copy(struct heap *heap, struct extent *extent)
{
    (void)heap;
    if (extent->next_home != NULL) {
        os_unshare(extent->next_home, EXTENT_BYTES);
        extent->next_home = NULL;
    } else {
        (void)os_purge(extent_copy(extent), EXTENT_BYTES);
    }
}

static void
prepare(void)
{
    forks_lock();
    for_each_extent(copy_extent);
}

static void
in_parent(void)
{
    for_each_extent(drop_copy);
    forks_unlock();
}

/* --- in the child --- */

static _Noreturn void
give_up(void)
{
    static const char line[] = "quire: the system has no memory for this child of fork, whose pools shared pages in its "
                               "parent; it ends. Leave it some, or set QUIRE_GIVE_BACK=purge\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    _exit(EXIT_LOST);
}

/* The next home, or one made of the copy; NULL: none can be had, and what showed the extent gets pages of its own. */
static void
take_home(struct extent *extent)
{
    bool has_next = extent->next_home != NULL;
    char *home = has_next ? extent->next_home : make_home(extent, extent_copy(extent));
    extent->home = NULL;
    if (home == NULL) {
        return;
    }
    if (os_keep(home, EXTENT_BYTES) == 0) {
        extent->home = home;
        extent->next_home = NULL;
    } else if (!has_next) {
        os_unshare(home, EXTENT_BYTES);
    }
}

/* Pages that nothing shows have no memory in the new home: they are never used here. */
static void
renew_extent(struct heap *heap, struct extent *extent)
{
    size_t pages = EXTENT_BYTES / os_page_bytes();
    take_home(extent);
    for (size_t page = 0; page < pages; page++) {
        if (extent->shown[page] == 0) {
            extent->shown[page] = SHOWN_NEVER;
            extent->open[page / 64] &= ~((uint64_t)1 << (page % 64));
        }
    }
    heap->totals.shared_bytes -= extent_shared_bytes(extent);
    extent->released = (uint16_t)(pages - extent->in_use);
    extent->obtained = extent->cut = (uint16_t)pages;
    heap->totals.shared_bytes += extent_shared_bytes(extent);
}

/* Pages in a row that show pages in a row of one extent. */
struct row {
    char *at;
    uint32_t page;
    size_t pages;
};

bool
forks_can_fill_hole(const struct heap *heap, size_t size_bytes)
{
    return heap->spare_bytes >= size_bytes || heap->usable_arenas > heap->arenas_end;
}

/* Addresses that the heap reserved and never used, behind its range, then of its last arenas; NULL: there are none. */
static char *
take_spare(struct heap *heap, size_t size_bytes)
{
    if (!forks_can_fill_hole(heap, size_bytes)) {
        return NULL;
    }
    if (heap->spare_bytes < size_bytes) {
        heap->usable_arenas--;
        heap->spare_bytes = ARENA_BYTES;
    }
    heap->spare_bytes -= size_bytes;
    return heap->range_address + heap->usable_arenas * ARENA_BYTES + heap->spare_bytes;
}

bool
forks_fill_hole(struct heap *heap, char *at, size_t size_bytes)
{
    if (os_renew(at, size_bytes) == 0) {
        return true;
    }
    char *spare = take_spare(heap, size_bytes);
    return spare != NULL && os_renew_from(spare, size_bytes, at) == 0;
}

static void
note_own_page(struct heap *heap, const char *at)
{
    struct pool *slot = &heap->slots[(size_t)(at - heap->range_address) / POOL_BYTES];
    struct pool *pool = slot - (slot->slot - slot->head_slot);
    sealed_note_own_page(heap, pool, (size_t)(at - pool_address(heap, pool)) / os_page_bytes());
}

/* What the parent's home held. */
static const char *
what_holds(struct extent *extent)
{
    if (extent->home != NULL) {
        return extent->home;
    }
    return extent->next_home != NULL ? extent->next_home : extent_copy(extent);
}

/* Pages of the pools' own, with what the extent's hold. */
static void
own_row(struct heap *heap, const struct row *row)
{
    size_t page_bytes = os_page_bytes();
    size_t pages_an_extent = EXTENT_BYTES / page_bytes;
    size_t size_bytes = row->pages * page_bytes;
    if (!forks_fill_hole(heap, row->at, size_bytes)) {
        give_up();
    }
    const char *from = what_holds(heap->extents.by_number[row->page / pages_an_extent]);
    copy_past_marks(row->at, from + row->page % pages_an_extent * page_bytes, size_bytes);
    for (size_t i = 0; i < row->pages; i++) {
        note_own_page(heap, row->at + i * page_bytes);
    }
}

static void
show_row(struct heap *heap, const struct row *row)
{
    if (row->pages == 0) {
        return;
    }
    bool has_home = heap->extents.by_number[row->page / (EXTENT_BYTES / os_page_bytes())]->home != NULL;
    size_t size_bytes = row->pages * os_page_bytes();
    if (!has_home || os_show_in_child(extents_address(heap, row->page), size_bytes, row->at) != 0) {
        own_row(heap, row);
    }
}

static void
add_page(struct heap *heap, struct row *row, char *at, uint32_t page)
{
    size_t page_bytes = os_page_bytes();
    bool goes_on = row->pages != 0 && at == row->at + row->pages * page_bytes && page == row->page + row->pages
                && page % (EXTENT_BYTES / page_bytes) != 0;
    if (!goes_on) {
        show_row(heap, row);
        *row = (struct row){at, page, 0};
    }
    row->pages++;
}

static void
show_pool(struct heap *heap, const struct pool *pool, struct row *row)
{
    size_t page_bytes = os_page_bytes();
    size_t pages_a_slot = POOL_BYTES / page_bytes;
    for (size_t i = 0; i < slots_of_pool(pool) * pages_a_slot; i++) {
        uint32_t page = pool[i / pages_a_slot].shown[i % pages_a_slot];
        if (IS_SHOWN(page)) {
            add_page(heap, row, pool_address(heap, pool) + i * page_bytes, page);
        }
    }
}

static void
show_arena(struct heap *heap, const struct arena *arena)
{
    struct row row = {NULL, 0, 0};
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut && arena->sealed != 0; i++) {
        const struct pool *pool = &slots_of(arena)[i * slots];
        if (pool_is_sealed(pool)) {
            show_pool(heap, pool, &row);
        }
    }
    show_row(heap, &row);
}

static void
in_child(void)
{
    for_each_extent(renew_extent);
    for (struct heap *heap = followed; heap != NULL; heap = heap->next_with_extents) {
        for (size_t index = 0; index < heap->arenas_end; index++) {
            if (heap_has_arena(heap, index)) {
                show_arena(heap, heap_arena(heap, index));
            }
        }
        heap->totals.mesh_mappings = mesh_count_mappings(heap);
    }
    for_each_extent(drop_copy);
    forks_unlock();
}

/* --- whose children --- */

int
forks_hold(void)
{
    static bool is_held;
    int error = is_held ? 0 : pthread_atfork(prepare, in_parent, in_child);
    is_held = error == 0;
    return error;
}

/* The caller holds the mutex. */
int
forks_follow(struct heap *heap)
{
    int error = forks_hold();
    if (error != 0) {
        return error;
    }
    if (!heap->extents.is_followed) {
        heap->extents.is_followed = true;
        heap->next_with_extents = followed;
        followed = heap;
    }
    return 0;
}

/* The caller holds the mutex. */
void
forks_forget(struct heap *heap)
{
    for (struct heap **at = &followed; *at != NULL; at = &(*at)->next_with_extents) {
        if (*at == heap) {
            *at = heap->next_with_extents;
            return;
        }
    }
}
