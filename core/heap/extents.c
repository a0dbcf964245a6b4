/* See extents.h. */
#include "heap/extents.h"

#include "heap/forks.h"
#include "heap/structs.h"
#include "os/os.h"

#include <errno.h>
#include <string.h>

#define OBTAIN_BYTES (128 * KIB) /* at once; places do not cross such a piece */

static size_t
pages_an_extent(void)
{
    return divide_by_power(EXTENT_BYTES, os_page_bytes());
}

size_t
extent_own_bytes(void)
{
    return align_up(sizeof(struct extent), os_page_bytes()) + EXTENT_BYTES;
}

char *
extent_copy(struct extent *extent)
{
    return (char *)extent + extent_own_bytes() - EXTENT_BYTES;
}

static struct extent *
extent_of(const struct heap *heap, uint32_t page)
{
    return heap->extents.by_number[divide_by_power(page, pages_an_extent())];
}

char *
extents_address(const struct heap *heap, uint32_t page)
{
    return extent_of(heap, page)->home + modulo_power(page, pages_an_extent()) * os_page_bytes();
}

size_t
extent_shared_bytes(const struct extent *extent)
{
    return ((size_t)extent->obtained - extent->released) * os_page_bytes();
}

/* --- what is taken --- */

static size_t
words_a_row(void)
{
    return pages_an_extent() / 64;
}

static uint64_t
bit_of(size_t page)
{
    return (uint64_t)1 << (page % 64);
}

bool
extent_take(struct extent *extent, size_t page, const uint64_t *granules)
{
    uint64_t already = 0;
    for (size_t i = 0; i < words_a_page(); i++) {
        for (uint64_t left = granules[i]; left != 0; left &= left - 1) {
            uint64_t *word = &extent->taken[(i * 64 + lowest_bit(left)) * words_a_row() + page / 64];
            already |= *word & bit_of(page);
            *word |= bit_of(page);
        }
    }
    return already == 0;
}

bool
extent_leave(struct extent *extent, size_t page, const uint64_t *granules)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < words_a_page(); i++) {
        for (uint64_t left = granules[i]; left != 0; left &= left - 1) {
            uint64_t *word = &extent->taken[(i * 64 + lowest_bit(left)) * words_a_row() + page / 64];
            missing |= ~*word & bit_of(page);
            *word &= ~bit_of(page);
        }
    }
    return missing == 0;
}

/* --- places --- */

/* Which rows a piece wants, and of which of its pages. */
struct wanted {
    size_t pages;
    size_t count;
    struct {
        uint16_t first_word;
        uint16_t page;
    } rows[LARGE_POOL_BYTES / ALIGNMENT_BYTES];
};

static void
want(struct wanted *wanted, size_t word, uint64_t granules)
{
    size_t page = word / words_a_page();
    for (uint64_t left = granules; left != 0; left &= left - 1) {
        size_t granule = word % words_a_page() * 64 + lowest_bit(left);
        wanted->rows[wanted->count].first_word = (uint16_t)(granule * words_a_row());
        wanted->rows[wanted->count++].page = (uint16_t)page;
    }
}

/* First where survivors begin: they rule out nearly all places. */
static void
want_all(struct wanted *wanted, const uint64_t *granules, size_t pages)
{
    size_t words = pages * words_a_page();
    wanted->pages = pages;
    wanted->count = 0;
    for (size_t i = 0; i < words; i++) {
        want(wanted, i, granules[i] & ~(granules[i] << 1));
    }
    for (size_t i = 0; i < words; i++) {
        want(wanted, i, granules[i] & (granules[i] << 1));
    }
}

/* A bit for the first page of each place in 64 pages that has all its pages. */
static uint64_t
places_at(const struct extent *extent, size_t word, size_t pages)
{
    uint64_t every = ~(uint64_t)0 / (((uint64_t)1 << pages) - 1); /* a bit each so many */
    for (size_t page = 0; page < pages; page++) {
        every &= extent->open[word] >> page;
    }
    return every;
}

static bool
find_in(const struct extent *extent, const struct wanted *wanted, size_t *page)
{
    for (size_t word = 0; word < words_a_row(); word++) {
        uint64_t places = places_at(extent, word, wanted->pages);
        for (size_t i = 0; i < wanted->count && places != 0; i++) {
            places &= ~(extent->taken[wanted->rows[i].first_word + word] >> wanted->rows[i].page);
        }
        if (places != 0) {
            *page = word * 64 + lowest_bit(places);
            return true;
        }
    }
    return false;
}

bool
extents_find(const struct heap *heap, const uint64_t *granules, size_t pages, size_t extents_max, uint32_t *page)
{
    struct wanted wanted;
    want_all(&wanted, granules, pages);
    for (size_t number = heap->extents.end; number-- > 0 && extents_max != 0;) {
        const struct extent *extent = heap->extents.by_number[number];
        size_t first;
        if (extent != NULL && find_in(extent, &wanted, &first)) {
            *page = (uint32_t)(number * pages_an_extent() + first);
            return true;
        }
        extents_max -= extent != NULL;
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

static void
note_obtained(struct heap *heap, struct extent *extent, size_t size_bytes)
{
    extent->obtained = (uint16_t)(extent->obtained + size_bytes / os_page_bytes());
    heap->totals.shared_bytes += size_bytes;
    growth_note(heap);
}

/* Large pages would make resident what no fork has touched yet: reserved memory has none. */
static int
map_own(struct extent **extent)
{
    char *own;
    int error = os_reserve(extent_own_bytes(), os_page_bytes(), &own);
    if (error != 0) {
        return error;
    }
    error = os_commit(own, extent_own_bytes());
    if (error != 0) {
        os_unreserve(own, extent_own_bytes());
        return error;
    }
    *extent = (struct extent *)(void *)own;
    return 0;
}

static int
share(char **home)
{
    int error = os_share(EXTENT_BYTES, home);
    if (error != 0) {
        return error;
    }
    error = os_keep(*home, EXTENT_BYTES);
    if (error != 0) {
        os_unshare(*home, EXTENT_BYTES);
    }
    return error;
}

static int
obtain(struct heap *heap)
{
    struct extents *extents = &heap->extents;
    size_t number = lowest_unused(extents);
    if (number == heap->range_arenas) {
        return ENOMEM;
    }
    int error = forks_follow(heap);
    struct extent *extent;
    error = error != 0 ? error : map_own(&extent);
    if (error != 0) {
        return error;
    }
    error = share(&extent->home);
    if (error != 0) {
        os_unreserve((char *)extent, extent_own_bytes());
        return error;
    }
    extents->by_number[number] = extent;
    extents->open = number;
    extents->end = number < extents->end ? extents->end : number + 1;
    heap->totals.extents++;
    heap->totals.mesh_mappings += MAPPINGS_AN_EXTENT;
    return 0;
}

static void
discard(struct heap *heap, size_t number)
{
    struct extents *extents = &heap->extents;
    struct extent *extent = extents->by_number[number];
    heap->totals.extents--;
    heap->totals.mesh_mappings -= MAPPINGS_AN_EXTENT;
    heap->totals.shared_bytes -= extent_shared_bytes(extent);
    if (extent->home != NULL) {
        os_unshare(extent->home, EXTENT_BYTES);
    }
    if (extent->next_home != NULL) {
        os_unshare(extent->next_home, EXTENT_BYTES);
    }
    os_unreserve((char *)extent, extent_own_bytes());
    extents->by_number[number] = NULL;
    while (extents->end > 0 && extents->by_number[extents->end - 1] == NULL) {
        extents->end--;
    }
}

/* No page of a place may be without memory. */
static int
obtain_pages(struct heap *heap, struct extent *extent)
{
    size_t offset = extent->obtained * os_page_bytes();
    int error = os_populate(extent->home + offset, OBTAIN_BYTES);
    if (error == 0) {
        note_obtained(heap, extent, OBTAIN_BYTES);
    }
    return error;
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
    if (first + pages > extent->obtained) {
        int error = obtain_pages(heap, extent);
        if (error != 0) {
            return error;
        }
    }
    for (size_t i = extent->cut; i < first + pages; i++) {
        extent->open[i / 64] |= bit_of(i);
    }
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
    size_t first = modulo_power(page, pages_an_extent());
    for (size_t i = first; i < first + pages; i++) {
        extent->in_use = (uint16_t)(extent->in_use + (extent->shown[i] == 0));
        extent->shown[i]++;
        bool was_free = extent_take(extent, i, granules + (i - first) * words_a_page());
        ASSERT(was_free);
        (void)was_free;
    }
}

/* Nobody shows these pages, and nobody will. Where the system does not take them back, they go with their extent. */
static void
release(struct heap *heap, struct extent *extent, size_t first, size_t pages)
{
    size_t page_bytes = os_page_bytes();
    for (size_t page = first; page < first + pages; page++) {
        extent->shown[page] = SHOWN_NEVER;
        extent->open[page / 64] &= ~bit_of(page);
    }
    if (extent->home == NULL || os_release(extent->home + first * page_bytes, pages * page_bytes) == 0) {
        extent->released = (uint16_t)(extent->released + pages);
        heap->totals.shared_bytes -= pages * page_bytes;
    }
}

static void
hide_page(struct extent *extent, size_t page, const uint64_t *granules)
{
    extent->shown[page]--;
    extent->in_use = (uint16_t)(extent->in_use - (extent->shown[page] == 0));
    bool was_taken = extent_leave(extent, page, granules);
    ASSERT(was_taken);
    (void)was_taken;
}

/* Pages in a row of one extent, which are shown by one piece less. */
static void
hide_row(struct heap *heap, uint32_t page, size_t pages, const uint64_t *granules)
{
    struct extent *extent = extent_of(heap, page);
    size_t first = modulo_power(page, pages_an_extent());
    for (size_t i = 0; i < pages; i++) {
        hide_page(extent, first + i, granules + i * words_a_page());
    }
    if (extent->in_use == 0) {
        discard(heap, divide_by_power(page, pages_an_extent()));
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
    return IS_SHOWN(shown[at]) && shown[at] == shown[at - 1] + 1 && modulo_power(shown[at], pages_an_extent()) != 0;
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
