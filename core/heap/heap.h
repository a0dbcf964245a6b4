/* The memory manager: requests in; blocks, runs and mappings out. No Python here.
 *
 * Callers: hook/ (a process's two domains), module/ (a private heap), observe/ (read-only).
 * Calls: os/.
 * Locking: none of its own. Every call on one heap is made under one lock, which is the interpreter's.
 *
 * A request that cannot be met returns NULL, or an errno value, and the heap is as it was before.
 */
#ifndef QUIRE_HEAP_HEAP_H
#define QUIRE_HEAP_HEAP_H

#include "heap/geometry.h"

struct heap;
struct domain;

/* A heap on a range of its own; the size is rounded up to whole arenas. Returns 0 or an errno value. */
int heap_create(size_t range_bytes, struct heap **heap);
void heap_destroy(struct heap *heap);
struct domain *heap_domain(struct heap *heap, unsigned index);

/* heap/fast.h has the likely part of allocate and free, to be inlined. What is resized or freed is allocated. */
void *heap_allocate(struct domain *domain, size_t size_bytes);
void *heap_allocate_zeroed(struct domain *domain, size_t count, size_t size_bytes);
void *heap_reallocate(struct domain *domain, void *address, size_t size_bytes);
void heap_free(struct domain *domain, void *address);

/* From now on every request goes through the four functions above: a caller that has inlined the fast paths can
 * take a lock before it calls them. Once, for good. */
void heap_close_fast_paths(struct heap *heap);

/* Whether the address lies in the range, or is the start of one of the heap's own mappings. */
bool heap_owns(const struct heap *heap, const void *address);

/* What an address is to the heap; slow, for callers that must not trust it. */
enum standing {
    STANDING_ALLOCATED, /* the start of an allocated block, run or mapping */
    STANDING_FREE,      /* the start of a free block */
    STANDING_NONE,      /* neither */
};
enum standing heap_standing(const struct heap *heap, const void *address);

/* Bytes of the allocated block, run or mapping at the address, all of which may be used. */
size_t heap_size_of(const struct heap *heap, const void *address);

/* Call once when what the heap holds, touched and in mappings, passes the limit; it is called from within an
 * allocation, so it may not allocate. */
void heap_watch(struct heap *heap, size_t limit_bytes, void (*passed)(size_t held_bytes));

/* A step of a sweep, which gives back what rested through the whole sweep before: empty pools, holes between runs and
 * kept pieces; what is young is marked as old by it, and loses the mark by use. And pages without a live block of pools
 * from which nothing was taken or freed meanwhile. */
struct sweep_limits {
    size_t slots_max;     /* of the range, in one step; an arena of runs counts whole, and kept pieces by their size */
    uint64_t deadline_ns; /* on the system's monotonic clock, for this step; 0: none */
    size_t reserve_bytes; /* of what rests: so much stays */
    unsigned live_percent_max; /* of the blocks of a pool at rest: so many may live, and pages without one go; 0: none */
    bool only_notes; /* such pools are looked at, whether they rest, and keep their pages: they are to be meshed */
};

struct swept {
    size_t cursor; /* where the next step begins; 0: the sweep is done */
    size_t empty_pool_bytes; /* these three rested, and went back */
    size_t hole_bytes;
    size_t kept_bytes;
    size_t page_bytes;  /* and this, in pages without a live block of pools in use */
    size_t young_bytes; /* rests, and has become old in this step */
    size_t young_pools; /* in use, with few live blocks, and not at rest since the sweep before */
    bool is_refused;    /* the system did not take pages back, and the step ended there */
};

/* A sweep begins at 0 and is done when the cursor is 0 again. What comes to rest behind the cursor waits for the next. */
struct swept heap_sweep(struct heap *heap, size_t cursor, const struct sweep_limits *limits);

/* Call each time that so many bytes have come to rest, or may have: pools that became empty or got their first free
 * block, runs, mappings. Bytes may count twice. It is called from within a free, so it may not allocate. */
void heap_notice_rest(struct heap *heap, size_t every_bytes, void (*noticed)(void));
void heap_notice_next_rest(struct heap *heap); /* however little */

/* NULL if every invariant holds, else the one that does not. Walks everything. */
const char *heap_check(struct heap *heap);

struct class_statistics {
    size_t pools_used;
    size_t pools_full;
    size_t blocks_allocated;
    size_t blocks_free;
    size_t blocks_untouched;
};

struct arena_statistics { /* units: pools, or units of runs */
    size_t arenas;
    size_t units_in_use;
    size_t units_free;
    size_t units_untouched;
};

enum arena_kind { ARENA_SMALL, ARENA_LARGE, ARENA_RUN, ARENA_KINDS };

struct heap_totals {
    size_t arenas; /* obtained and not given back */
    size_t arenas_max;
    size_t arenas_obtained;
    size_t arenas_given_back;
    size_t mappings;
    size_t mapping_bytes;
    size_t mapping_bytes_max;
    size_t mapping_bytes_given_back;
    size_t kept_bytes; /* of mappings that were freed or became shorter */
    size_t touched_bytes; /* of arenas: pools that were ever cut, runs that were ever handed out; not what was purged or
                             shows an extent */
    size_t resting_bytes; /* of those, empty pools that rest with their arenas, and holes between runs */
    size_t held_bytes_max; /* touched, in mappings, and of extents */
    size_t extents;
    size_t shared_bytes; /* of extents, as far as they were not released */
    size_t sealed_pools; /* without the spent ones */
    size_t spent_pools;
    size_t mesh_mappings; /* about how many mappings the kernel has more for it */
};

struct heap_statistics {
    struct class_statistics classes[DOMAINS][CLASSES];
    struct arena_statistics arenas[ARENA_KINDS];
    size_t runs_allocated;
    size_t run_bytes;
    struct heap_totals totals;
};
void heap_statistics(struct heap *heap, struct heap_statistics *statistics);

#endif
