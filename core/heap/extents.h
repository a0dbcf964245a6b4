/* Extents: shared pages that meshed pools show, each page usually several.
 *
 *     pool A  | a |   |   |   |          extent  | a | b | a | c | taken, or free for a pool that has its blocks there
 *     pool B  |   | b |   |   |   --->
 *     pool C  |   |   |   | c |          page: shown by 3
 *
 * A *place* is as many pages of an extent in a row as a piece of a pool has, at a multiple of as many. A piece goes to
 * the first place, from the newest on, that is free where its blocks are; after so many tries to a new one, cut from
 * what no piece had before. A page that nobody shows any more is released and never used again, and an extent of which
 * nobody shows a page goes back.
 *
 * Callers: mesh.c, sealed.c, forks.c, check.c, observe/. Calls: os/, growth.c, forks.c.
 * Locking: the heap's, and the mesh mutex (forks.c).
 */
#ifndef QUIRE_HEAP_EXTENTS_H
#define QUIRE_HEAP_EXTENTS_H

#include "heap/geometry.h"

struct heap;

#define EXTENT_BYTES (2 * MIB)

enum {
    EXTENT_PAGES_MAX = EXTENT_BYTES / PAGE_BYTES_MIN,
    EXTENT_WORDS = EXTENT_BYTES / ALIGNMENT_BYTES / 64,
};

/* Pages are numbered through all extents. PAGE_OWN: a page of the pool's own. PAGE_NONE: the same, and no memory. */
enum { PAGE_OWN = -1, PAGE_NONE = -2 };
#define IS_SHOWN(number) ((number) < (uint32_t)PAGE_NONE)

/* Of a page that nobody shows any more, and nobody will. */
#define SHOWN_NEVER UINT16_MAX

/*
 *     pages with shown neither 0 nor SHOWN_NEVER == in_use
 *     taken, of a page == union of the survivors of those that show it
 */
struct extent {
    char *home;
    char *copy;        /* while the process forks */
    uint16_t cut;      /* pages that places were cut from; the rest are untouched */
    uint16_t in_use;
    uint16_t released; /* pages without memory, of those SHOWN_NEVER */
    uint16_t shown[EXTENT_PAGES_MAX]; /* by how many pages of pools */
    uint64_t taken[EXTENT_WORDS];     /* a bit for each 16 bytes: a survivor's */
};

struct extents {
    struct extent **by_number;
    size_t end;  /* one past the highest number in use */
    size_t open; /* which is cut, if it is there */
    bool is_followed; /* forks.c */
};

/* A place for a piece with survivors at these granules. False: none is free, among so many. */
bool extents_find(const struct heap *heap, const uint64_t *granules, size_t pages, size_t tries, uint32_t *page);

/* A new place. 0, or an errno value. */
int extents_cut(struct heap *heap, size_t pages, uint32_t *page);

/* Where the page is in its home. */
char *extents_address(const struct heap *heap, uint32_t page);

/* A piece is shown from there; one slot, or page, that showed such pages no longer does. */
void extents_note_shown(struct heap *heap, uint32_t page, size_t pages, const uint64_t *granules);
void extents_note_hidden(struct heap *heap, const uint32_t *shown, size_t pages, const uint64_t *granules);

/* Extents that nobody shows go back: a piece's that was refused. */
void extents_discard_unused(struct heap *heap);
void extents_destroy(struct heap *heap);

#endif
