/* See forks.h. */
#include "heap/forks.h"

#include "heap/structs.h"
#include "os/os.h"

#include <pthread.h>
#include <unistd.h>

enum { EXIT_LOST = 71 }; /* EX_OSERR: the system had no memory for the child's copy */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct heap *followed; /* heaps that have had an extent */
static bool is_copied;

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

/* --- before, and in the parent --- */

static void
copy_extent(struct heap *heap, struct extent *extent)
{
    (void)heap;
    unsigned char used[EXTENT_PAGES_MAX];
    for (size_t page = 0; page < EXTENT_PAGES_MAX; page++) {
        used[page] = extent->shown[page] != 0 && extent->shown[page] != SHOWN_NEVER;
    }
    is_copied = is_copied && os_share_copy(extent->home, EXTENT_BYTES, used, &extent->copy) == 0;
}

static void
drop_copy(struct heap *heap, struct extent *extent)
{
    (void)heap;
    if (extent->copy != NULL) {
        os_unshare(extent->copy, EXTENT_BYTES);
        extent->copy = NULL;
    }
}

static void
prepare(void)
{
    forks_lock();
    is_copied = true;
    for_each_extent(copy_extent);
    if (!is_copied) {
        for_each_extent(drop_copy);
    }
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
    static const char line[] = "quire: this child of fork has no memory for its parent's meshed pools, and ends\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    _exit(EXIT_LOST);
}

/* Pages that nothing shows have no memory in the copy: they are never used here. */
static void
adopt_copy(struct heap *heap, struct extent *extent)
{
    size_t page_bytes = os_page_bytes();
    extent->home = extent->copy;
    extent->copy = NULL;
    if (os_keep_copy(extent->home, EXTENT_BYTES) != 0) {
        give_up();
    }
    for (size_t page = 0; page < EXTENT_BYTES / page_bytes; page++) {
        if (extent->shown[page] == 0) {
            extent->shown[page] = SHOWN_NEVER;
            extent->open[page / 64] &= ~((uint64_t)1 << (page % 64));
        }
    }
    heap->totals.shared_bytes -= extent_shared_bytes(extent);
    extent->released = (uint16_t)(EXTENT_BYTES / page_bytes - extent->in_use);
    extent->obtained = extent->cut = (uint16_t)(EXTENT_BYTES / page_bytes);
    heap->totals.shared_bytes += extent_shared_bytes(extent);
}

/* Pages in a row that show pages in a row of one extent. */
struct row {
    char *at;
    uint32_t page;
    size_t pages;
};

static void
show_row(const struct heap *heap, const struct row *row)
{
    if (row->pages != 0 && os_show(extents_address(heap, row->page), row->pages * os_page_bytes(), row->at) != 0) {
        give_up();
    }
}

static void
add_page(const struct heap *heap, struct row *row, char *at, uint32_t page)
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
show_pool(const struct heap *heap, const struct pool *pool, struct row *row)
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
show_arena(const struct heap *heap, const struct arena *arena)
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
    bool has_extents = false;
    for (struct heap *heap = followed; heap != NULL; heap = heap->next_with_extents) {
        has_extents = has_extents || heap->totals.extents != 0;
    }
    if (has_extents && !is_copied) {
        give_up();
    }
    for_each_extent(adopt_copy);
    for (struct heap *heap = followed; heap != NULL; heap = heap->next_with_extents) {
        for (size_t index = 0; index < heap->arenas_end; index++) {
            if (heap_has_arena(heap, index)) {
                show_arena(heap, heap_arena(heap, index));
            }
        }
    }
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
