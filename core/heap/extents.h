/* Extents: shared pages that meshed pools show, each page usually several.
 *
 *     pool A  | a |   |   |   |          extent  | a | b | a | c | taken, or free for a pool that has its blocks there
 *     pool B  |   | b |   |   |   --->
 *     pool C  |   |   |   | c |          page: shown by 3
 *
 * A *place* is as many pages of an extent in a row as a piece of a pool has, at a multiple of as many. A piece goes to
 * the lowest place of the newest extent that has one which is free where its blocks are; if none of so many has, to a new
 * one, cut from what no piece had before. A page that nobody shows any more is released and never used again, and an extent
 * of which nobody shows a page goes back. Memory is made for 128 KiB at a time, as places are cut.
 *
 * All places of an extent are looked at together, 64 pages at once: what is taken is kept by where in a page it is,
 *
 *     taken    the first 16 bytes of a page     1 0 1 1 0 ...   a bit for each page of the extent
 *              the next 16 bytes                1 0 0 1 0 ...
 *
 * so that for each 16 bytes of a piece's survivors one operation rules out all the pages where they are taken.
 *
 * Whoever has an extent has what a fork may need for it: committed addresses, untouched before, for a copy (forks.h).
 *
 * Callers: mesh.c, sealed.c, forks.c, check.c, observe/. Calls: os/, growth.c, forks.c.
 * Locking: the heap's, and the mesh mutex (forks.c).
 */
#ifndef QUIRE_HEAP_EXTENTS_H
#define QUIRE_HEAP_EXTENTS_H

#include "heap/geometry.h"
#include "os/os.h"

struct heap;

#define EXTENT_BYTES (2 * MIB)

enum {
    EXTENT_PAGES_MAX = EXTENT_BYTES / PAGE_BYTES_MIN,
    EXTENT_WORDS = EXTENT_BYTES / ALIGNMENT_BYTES / 64,
    MAPPINGS_AN_EXTENT = 2, /* its home; what is known of it, and the copy */
};

/* Pages are numbered through all extents. PAGE_OWN: a page of the pool's own. PAGE_NONE: the same, and no memory. */
enum { PAGE_OWN = -1, PAGE_NONE = -2 };
#define IS_SHOWN(number) ((number) < (uint32_t)PAGE_NONE)

/* Of a page that nobody shows any more, and nobody will. */
#define SHOWN_NEVER UINT16_MAX

/*
 *     released <= cut <= obtained
 *     pages with shown neither 0 nor SHOWN_NEVER == in_use
 *     open == pages that were cut and are not SHOWN_NEVER
 *     taken, of a page == union of the survivors of those that show it
 */
struct extent {
    char *home;      /* NULL in a child that could not have one, until nothing shows the extent */
    char *next_home; /* a child's, while the process forks; NULL: the system had none */
    uint16_t obtained; /* pages for which memory was made */
    uint16_t cut;      /* pages that places were cut from; the rest are untouched */
    uint16_t in_use;
    uint16_t released; /* pages without memory, of those SHOWN_NEVER */
    uint16_t shown[EXTENT_PAGES_MAX]; /* by how many pages of pools */
    uint64_t open[EXTENT_PAGES_MAX / 64];
    uint64_t taken[EXTENT_WORDS];     /* for each 16 bytes of a page a row, with a bit for each page: a survivor's */
};

/* Of granules. */
static inline size_t
words_a_page(void)
{
    return os_page_bytes() / ALIGNMENT_BYTES / 64;
}

struct extents {
    struct extent **by_number;
    size_t end;  /* one past the highest number in use */
    size_t open; /* which is cut, if it is there */
    bool is_followed; /* forks.c */
};

/* A place for a piece with survivors at these granules. False: none is free, in so many extents. */
bool extents_find(const struct heap *heap, const uint64_t *granules, size_t pages, size_t extents_max, uint32_t *page);

/* Bytes for which memory was made and that did not go back. */
size_t extent_shared_bytes(const struct extent *extent);

/* Take, or leave, what is at these granules of a page. Whether it was all free, or all taken. */
bool extent_take(struct extent *extent, size_t page, const uint64_t *granules);
bool extent_leave(struct extent *extent, size_t page, const uint64_t *granules);

/* A new place. 0, or an errno value. */
int extents_cut(struct heap *heap, size_t pages, uint32_t *page);

/* Where the page is in its home, which is there; and in the copy for a fork. */
char *extents_address(const struct heap *heap, uint32_t page);
char *extent_copy(struct extent *extent);

/* Of what is known of an extent, and behind it of the copy: all that is not in its home. */
size_t extent_own_bytes(void);

/* A piece is shown from there; one slot, or page, that showed such pages no longer does. */
void extents_note_shown(struct heap *heap, uint32_t page, size_t pages, const uint64_t *granules);
void extents_note_hidden(struct heap *heap, const uint32_t *shown, size_t pages, const uint64_t *granules);

/* Extents that nobody shows go back: a piece's that was refused. */
void extents_discard_unused(struct heap *heap);
void extents_destroy(struct heap *heap);

#endif
