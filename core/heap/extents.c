/* See extents.h. */
#include "heap/extents.h"

#include "heap/forks.h"
#include "heap/structs.h"
#include "os/os.h"

#include <errno.h>
#include <string.h>

static size_t
pages_an_extent(void)
{
    return EXTENT_BYTES / os_page_bytes();
}

static size_t
words_a_page(void)
{
    return os_page_bytes() / ALIGNMENT_BYTES / 64;
}

static size_t
own_bytes(void)
{
    return align_up(sizeof(struct extent), os_page_bytes());
}

static struct extent *
extent_of(const struct heap *heap, uint32_t page)
{
    return heap->extents.by_number[page / pages_an_extent()];
}

char *
extents_address(const struct heap *heap, uint32_t page)
{
    return extent_of(heap, page)->home + page % pages_an_extent() * os_page_bytes();
}

/* --- places --- */

static bool
is_free_at(const uint64_t *taken, const uint64_t *granules, size_t words)
{
    uint64_t both = 0;
    for (size_t i = 0; i < words && both == 0; i++) {
        both = taken[i] & granules[i];
    }
    return both == 0;
}

static bool
is_gone(const struct extent *extent, size_t first, size_t pages)
{
    for (size_t page = first; page < first + pages; page++) {
        if (extent->shown[page] == SHOWN_NEVER) {
            return true;
        }
    }
    return false;
}

bool
extents_find(const struct heap *heap, const uint64_t *granules, size_t pages, size_t tries, uint32_t *page)
{
    size_t words = pages * words_a_page();
    for (size_t number = heap->extents.end; number-- > 0;) {
        const struct extent *extent = heap->extents.by_number[number];
        for (size_t place = extent == NULL ? 0 : extent->cut / pages; place-- > 0;) {
            if (is_gone(extent, place * pages, pages)) {
                continue;
            }
            if (tries-- == 0) {
                return false;
            }
            if (is_free_at(&extent->taken[place * words], granules, words)) {
                *page = (uint32_t)(number * pages_an_extent() + place * pages);
                return true;
            }
        }
    }
    return false;
}

static size_t
lowest_unused(const struct extents *extents)
{
    size_t number = 0;
    while (number < extents->end && extents->by_number[number] != NULL) {
        number++;
    }
    return number;
}

/* --- coming and going --- */

static int
obtain(struct heap *heap)
{
    struct extents *extents = &heap->extents;
    size_t number = lowest_unused(extents);
    if (number == heap->range_arenas) {
        return ENOMEM;
    }
    char *own;
    int error = os_map(own_bytes(), &own);
    if (error != 0) {
        return error;
    }
    struct extent *extent = (struct extent *)(void *)own;
    error = forks_follow(heap);
    error = error != 0 ? error : os_share(EXTENT_BYTES, &extent->home);
    if (error != 0) {
        os_unmap(own, own_bytes());
        return error;
    }
    extents->by_number[number] = extent;
    extents->open = number;
    extents->end = number < extents->end ? extents->end : number + 1;
    heap->totals.extents++;
    heap->totals.mesh_mappings++;
    heap->totals.shared_bytes += EXTENT_BYTES;
    growth_note(heap);
    return 0;
}

static void
discard(struct heap *heap, size_t number)
{
    struct extents *extents = &heap->extents;
    struct extent *extent = extents->by_number[number];
    heap->totals.extents--;
    heap->totals.mesh_mappings--;
    heap->totals.shared_bytes -= (pages_an_extent() - extent->released) * os_page_bytes();
    os_unshare(extent->home, EXTENT_BYTES);
    os_unmap((char *)extent, own_bytes());
    extents->by_number[number] = NULL;
    while (extents->end > 0 && extents->by_number[extents->end - 1] == NULL) {
        extents->end--;
    }
}

int
extents_cut(struct heap *heap, size_t pages, uint32_t *page)
{
    struct extents *extents = &heap->extents;
    struct extent *extent = extents->open < extents->end ? extents->by_number[extents->open] : NULL;
    if (extent == NULL || align_up(extent->cut, pages) + pages > pages_an_extent()) {
        int error = obtain(heap);
        if (error != 0) {
            return error;
        }
        extent = extents->by_number[extents->open];
    }
    size_t first = align_up(extent->cut, pages);
    extent->cut = (uint16_t)(first + pages);
    *page = (uint32_t)(extents->open * pages_an_extent() + first);
    return 0;
}

void
extents_discard_unused(struct heap *heap)
{
    for (size_t number = heap->extents.end; number-- > 0;) {
        const struct extent *extent = heap->extents.by_number[number];
        if (extent != NULL && extent->in_use == 0) {
            discard(heap, number);
        }
    }
}

void
extents_destroy(struct heap *heap)
{
    for (size_t number = heap->extents.end; number-- > 0;) {
        if (heap->extents.by_number[number] != NULL) {
            discard(heap, number);
        }
    }
    forks_forget(heap);
}

/* --- who shows what --- */

void
extents_note_shown(struct heap *heap, uint32_t page, size_t pages, const uint64_t *granules)
{
    struct extent *extent = extent_of(heap, page);
    size_t first = page % pages_an_extent();
    for (size_t i = first; i < first + pages; i++) {
        extent->in_use = (uint16_t)(extent->in_use + (extent->shown[i] == 0));
        extent->shown[i]++;
    }
    uint64_t *taken = &extent->taken[first * words_a_page()];
    for (size_t i = 0; i < pages * words_a_page(); i++) {
        ASSERT((taken[i] & granules[i]) == 0);
        taken[i] |= granules[i];
    }
}

/* Nobody shows these pages, and nobody will. Where the system does not take them back, they go with their extent. */
static void
release(struct heap *heap, struct extent *extent, size_t first, size_t pages)
{
    size_t page_bytes = os_page_bytes();
    for (size_t page = first; page < first + pages; page++) {
        extent->shown[page] = SHOWN_NEVER;
    }
    if (os_release(extent->home + first * page_bytes, pages * page_bytes) == 0) {
        extent->released = (uint16_t)(extent->released + pages);
        heap->totals.shared_bytes -= pages * page_bytes;
    }
}

static void
hide_page(struct extent *extent, size_t page, const uint64_t *granules)
{
    extent->shown[page]--;
    extent->in_use = (uint16_t)(extent->in_use - (extent->shown[page] == 0));
    uint64_t *taken = &extent->taken[page * words_a_page()];
    for (size_t i = 0; i < words_a_page(); i++) {
        taken[i] &= ~granules[i];
    }
}

/* Pages in a row of one extent, which are shown by one piece less. */
static void
hide_row(struct heap *heap, uint32_t page, size_t pages, const uint64_t *granules)
{
    struct extent *extent = extent_of(heap, page);
    size_t first = page % pages_an_extent();
    for (size_t i = 0; i < pages; i++) {
        hide_page(extent, first + i, granules + i * words_a_page());
    }
    if (extent->in_use == 0) {
        discard(heap, page / pages_an_extent());
        return;
    }
    for (size_t i = first; i < first + pages; i++) {
        size_t end = i;
        while (end < first + pages && extent->shown[end] == 0) {
            end++;
        }
        if (end != i) {
            release(heap, extent, i, end - i);
            i = end;
        }
    }
}

static bool
goes_on(const uint32_t *shown, size_t at)
{
    return IS_SHOWN(shown[at]) && shown[at] == shown[at - 1] + 1 && shown[at] % pages_an_extent() != 0;
}

void
extents_note_hidden(struct heap *heap, const uint32_t *shown, size_t pages, const uint64_t *granules)
{
    size_t end;
    for (size_t first = 0; first < pages; first = end) {
        end = first + 1;
        if (!IS_SHOWN(shown[first])) {
            continue;
        }
        while (end < pages && goes_on(shown, end)) {
            end++;
        }
        hide_row(heap, shown[first], end - first, granules + first * words_a_page());
    }
}
