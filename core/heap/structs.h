/* The heap's structures, for the files of heap/ and for observe/, which only reads them.
 *
 *     range    | arena | arena |  --  | arena |  --  ...           2 MiB each; -- : not committed
 *     arena    | slot 0 | slot 1 | slot 2 | ... | slot 127 |       16 KiB each
 *
 *     slots    | arena | pool | pool | ... | arena | pool | ...    64 B each, one for each slot of the range
 *
 * Metadata stands apart from blocks, in one table before the range: a block's entry is its slot's number, one shift
 * of its distance from the range's start. The entry of an arena's slot 0 is the arena itself; the slot holds the
 * unit table of an arena of runs, and else is never touched.
 */
#ifndef QUIRE_HEAP_STRUCTS_H
#define QUIRE_HEAP_STRUCTS_H

#include "base/marks.h"
#include "heap/extents.h"
#include "heap/heap.h"
#include "heap/mesh.h"
#include "heap/survivors.h"
#include "os/os.h"

/* LISTED: serves its class and stands on the class's ring. RETIRED: serves its class, full, on no list.
 * RESTING: with its arena, empty. INNER: a later slot of a larger pool. RUN: a slot of an arena of runs.
 * CANDIDATE: of a pass of meshing; blocks are freed from it, and allocated only once it is LISTED again. SEALED: it shows
 * pages of extents, blocks are freed from it and never allocated. SPENT: the same, empty; it waits for pages of its own. */
enum slot_state {
    SLOT_UNTOUCHED,
    SLOT_LISTED,
    SLOT_RETIRED,
    SLOT_RESTING,
    SLOT_INNER,
    SLOT_RUN,
    SLOT_CANDIDATE,
    SLOT_SEALED,
    SLOT_SPENT
};

/* A pool of blocks of one size class.
 *
 *     allocated + free + away + (capacity - carved) == capacity
 *     allocated == frees_left if LISTED, CANDIDATE or SEALED, capacity if RETIRED, 0 if RESTING or SPENT
 */
struct pool {
    /* the fast paths read and write these */
    void *free;          /* first free block, which holds the address of the next; NULL: none */
    uint32_t frees_left; /* frees until the slow path is needed; always 1 in RETIRED, INNER and RUN slots */

    /* set when the pool begins to serve a class */
    uint16_t capacity;   /* blocks */
    uint16_t block_bytes;
    uint16_t carved;     /* blocks that are or were on the free list; the rest are untouched */
    uint8_t size_class;
    uint8_t domain;

    uint8_t state;       /* enum slot_state */
    uint8_t slot;        /* which slot of its arena */
    uint8_t head_slot;   /* of the pool it belongs to; differs from slot in INNER slots only */
    bool is_idle;        /* it stayed on its ring when it became empty; it may have live blocks again */
    bool is_purged;      /* RESTING: its pages went back; nothing of it is carved */
    bool is_old;         /* RESTING: since before the last sweep; and if purged, by a sweep */
    uint16_t purged_pages; /* a bit for each page that went back while the pool served (pages.c) */
    uint16_t away;       /* blocks that touch such a page: cut off once, on no list. SEALED: all that are no survivors */
    uint8_t reserved[2];

    union {
        /* LISTED, CANDIDATE: neighbours in the class's ring. RESTING: next is the arena's next free pool */
        struct {
            struct pool *next;
            struct pool *previous;
        };
        /* SEALED, SPENT, and the later slots of such a pool: of each page of the slot, which page of the extents it shows,
         * or PAGE_OWN, PAGE_NONE */
        uint32_t shown[POOL_BYTES / PAGE_BYTES_MIN];
    };
    uint32_t seen;       /* LISTED: what the last sweep saw of it; 0: nothing */
    uint32_t survivors;  /* CANDIDATE: proven, if not 0. SEALED, SPENT: its bits (survivors.h) */
    uint64_t reserved_too;
};
static_assert(sizeof(struct pool) == 64, "64 bytes of metadata a pool");

/* An arena.
 *
 *     pools that serve a class + free_pools + (capacity - cut) == capacity      (kinds SMALL and LARGE)
 *     the lengths of runs and holes add up to UNITS_AN_ARENA        (kind RUN)
 *     units of runs + resting + purged == touched                   (kind RUN)
 */
struct arena {
    struct arena *next; /* in the list of available arenas with the same room */
    struct arena *previous;
    struct pool *free_pool; /* first empty pool; the rest hang from it */
    uint32_t index;     /* in the range */
    uint16_t capacity;  /* pools */
    uint16_t cut;       /* pools that were ever cut; the rest are untouched */
    uint16_t free_pools;
    uint16_t listed_room; /* the room it is listed under; 0: on no list */
    uint16_t touched;   /* RUN: units that were ever handed out; the rest are untouched */
    uint16_t runs;      /* RUN: allocated runs */
    uint16_t first_hole; /* RUN: no hole begins before this unit */
    uint16_t idle;      /* pools marked as idle */
    uint16_t purged;    /* free pools, or units of holes, whose pages went back */
    uint16_t resting;   /* RUN: units of holes that were handed out and have their pages */
    uint16_t old;       /* RUN: units that are marked as old */
    uint16_t purged_pages; /* of pools, not counting those whose pages all went back while they rested */
    uint16_t resting_purged_pages; /* of those, in pools that rest */
    uint8_t sealed;     /* pools SEALED or SPENT */
    uint8_t spent;
    uint8_t kind;       /* enum arena_kind */
    uint8_t reserved[3];
    uint32_t own_bytes; /* of sealed pools: pages that show no extent, and have memory */
};
static_assert(sizeof(struct arena) == sizeof(struct pool), "an entry of the table of slots");

/* RUN arenas: in slot 0, the length of each run and hole, at its first and at its last unit; a bit for each unit whose
 * page went back; and one for each unit of a hole that is old: it has rested since before the last sweep, or was purged
 * by a sweep. */
enum { UNIT_TAKEN = 0x8000, UNIT_LENGTH = 0x7fff };

struct unit_table {
    uint16_t lengths[UNITS_AN_ARENA];
    uint64_t purged[(UNITS_AN_ARENA + 63) / 64];
    uint64_t old[(UNITS_AN_ARENA + 63) / 64];
};
static_assert(sizeof(struct unit_table) <= ARENA_HEADER_BYTES, "the unit table fits slot 0");

/* Entries of one arena in the table of slots, which is aligned to as many bytes. */
#define ENTRIES_BYTES (SLOTS_AN_ARENA * sizeof(struct pool))

/* The arenas of one kind that have room, by how much; a bit for each list that is not empty. */
enum { ROOM_LISTS = 512 };

struct available {
    uint64_t not_empty[ROOM_LISTS / 64];
    struct arena *by_room[ROOM_LISTS];
};

/* A request kind's own pools: for each class a ring of pools with free blocks. The fast paths read the first
 * four; rings is current itself while they are open, and closed_rings once they are closed. */
struct domain {
    uintptr_t range_address;
    size_t range_bytes;            /* 0 once closed */
    struct pool *slots;            /* the heap's */
    struct pool *current[CLASSES]; /* each ring's first pool; &heap_no_pool, which has no block, where there is none */
    struct heap *heap;
    struct pool **rings;
    uint8_t index;
    struct pool *closed_rings[CLASSES];
};

struct mapping {
    uintptr_t address; /* 0: an unused place of the table */
    size_t size_bytes;
};

/* Pages of mappings that were freed or became shorter. */
struct kept {
    uintptr_t address;
    size_t size_bytes;
    bool is_tail; /* it begins where a mapping ends, which may grow into it */
    bool is_old;  /* it has been kept since before the last sweep */
};

/* Mappings by address: open addressing, at most half full. */
struct mapping_table {
    struct mapping *places;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

struct heap {
    struct domain domains[DOMAINS];
    struct available available[ARENA_KINDS];
    struct mapping_table mappings;
    struct kept kept[KEPT_MAX]; /* the oldest first */
    size_t kept_count;
    struct pool *candidates[DOMAINS][CLASSES]; /* rings, as a domain's */
    struct survivors survivors;
    struct extents extents;
    struct mesh mesh;
    struct heap *next_with_extents; /* forks.c */
    struct heap_totals totals;
    int purge_refusal;        /* errno value of the last purge that the system refused */
    ptrdiff_t purge_credit_bytes; /* what may be purged in vain before peaks */
    size_t watch_bytes;           /* SIZE_MAX: nobody watches */
    void (*watch_passed)(size_t held_bytes);
    size_t rested_bytes; /* since the last notice */
    size_t notice_bytes; /* SIZE_MAX: nobody is told */
    void (*noticed)(void);
    struct proofs *proofs; /* of the pass under way, proofs.c; NULL: none is */

    /* the range, and the table of its slots before it */
    struct pool *slots;
    size_t slots_committed_bytes;
    char *range_address;
    size_t range_arenas;
    size_t usable_arenas;   /* of these; the addresses of the rest went elsewhere, into holes (forks.c) */
    size_t spare_bytes;     /* of the first of the rest, which have not; at first of what lies behind the range */
    size_t arenas_end;      /* one past the highest index in use */
    size_t own_bytes;       /* of this struct and the bits behind it */
    uint64_t arena_bits[]; /* a bit an arena: obtained and not given back; then the extents by number */
};

extern const struct pool heap_no_pool;

static inline bool
heap_is_in_range(const struct heap *heap, const void *address)
{
    return (uintptr_t)address - (uintptr_t)heap->range_address < heap->range_arenas * ARENA_BYTES;
}

/* What has pages of its own begins with one. False: no block of the heap begins at the address, whatever other threads
 * do. */
static inline bool
heap_may_own(const struct heap *heap, const void *address)
{
    return heap_is_in_range(heap, address) || (uintptr_t)address % PAGE_BYTES_MIN == 0;
}

/* --- from addresses in the range to metadata, and back --- */

static inline struct pool *
slot_of(const struct heap *heap, const void *address)
{
    return &heap->slots[(size_t)((const char *)address - heap->range_address) / POOL_BYTES];
}

static inline struct pool *
pool_of(const struct heap *heap, const void *address)
{
    struct pool *slot = slot_of(heap, address);
    return slot - (slot->slot - slot->head_slot);
}

static inline char *
pool_address(const struct heap *heap, const struct pool *pool)
{
    return heap->range_address + (size_t)(pool - heap->slots) * POOL_BYTES;
}

static inline char *
first_block(const struct heap *heap, const struct pool *pool)
{
    return pool_address(heap, pool) + first_block_offset(pool->size_class);
}

/* The arena's entries; the first is itself. */
static inline struct pool *
slots_of(const struct arena *arena)
{
    return (struct pool *)arena;
}

static inline struct arena *
arena_of_pool(const struct pool *pool)
{
    return (struct arena *)((uintptr_t)pool & ~(ENTRIES_BYTES - 1));
}

static inline struct arena *
heap_arena(const struct heap *heap, size_t index)
{
    return (struct arena *)&heap->slots[index * SLOTS_AN_ARENA];
}

static inline struct arena *
arena_of(const struct heap *heap, const void *address)
{
    return heap_arena(heap, (size_t)((const char *)address - heap->range_address) / ARENA_BYTES);
}

static inline char *
arena_address(const struct heap *heap, const struct arena *arena)
{
    return heap->range_address + arena->index * ARENA_BYTES;
}

/* Of an arena of runs: its unit table, and what the table describes. */
static inline struct unit_table *
unit_table_of(const struct heap *heap, const struct arena *arena)
{
    return (struct unit_table *)arena_address(heap, arena);
}

static inline uint16_t *
units_of(const struct heap *heap, const struct arena *arena)
{
    return unit_table_of(heap, arena)->lengths;
}

static inline bool
unit_is_purged(const struct unit_table *table, size_t unit)
{
    return (table->purged[unit / 64] >> (unit % 64)) & 1;
}

static inline bool
unit_is_old(const struct unit_table *table, size_t unit)
{
    return (table->old[unit / 64] >> (unit % 64)) & 1;
}

/* Of a hole: no run ever had it, or none since it was purged. */
static inline bool
unit_is_untouched(const struct arena *arena, const struct unit_table *table, size_t unit)
{
    return unit >= arena->touched || unit_is_purged(table, unit);
}

static inline char *
units_address(const struct heap *heap, const struct arena *arena)
{
    return arena_address(heap, arena) + ARENA_HEADER_BYTES;
}

/* --- */

static inline bool
heap_has_arena(const struct heap *heap, size_t index)
{
    return (heap->arena_bits[index / 64] >> (index % 64)) & 1;
}

static inline bool
heap_is_in_arena(const struct heap *heap, const void *address)
{
    size_t offset = (size_t)((const char *)address - heap->range_address);
    return heap_is_in_range(heap, address) && heap_has_arena(heap, offset / ARENA_BYTES);
}

/* The pool that has the address in it, in use or not; NULL: none, but the header of an arena, a run, or no arena. */
static inline struct pool *
pool_at(const struct heap *heap, const void *address)
{
    if (!heap_is_in_arena(heap, address)) {
        return NULL;
    }
    size_t offset = (size_t)((const char *)address - heap->range_address);
    bool is_past_header = offset % ARENA_BYTES >= ARENA_HEADER_BYTES;
    return is_past_header && arena_of(heap, address)->kind != ARENA_RUN ? pool_of(heap, address) : NULL;
}

static inline unsigned
slots_a_pool(const struct arena *arena)
{
    return arena->kind == ARENA_LARGE ? SLOTS_A_LARGE_POOL : 1;
}

/* Of pools that were ever cut, and of runs that were ever handed out; what was purged, or shows an extent, is not. */
static inline size_t
arena_touched_bytes(const struct arena *arena)
{
    if (arena->kind == ARENA_RUN) {
        return ((size_t)arena->touched - arena->purged) * RUN_UNIT_BYTES;
    }
    size_t pools = (size_t)arena->cut - arena->purged - arena->sealed;
    size_t whole_bytes = pools * slots_a_pool(arena) * POOL_BYTES + arena->own_bytes;
    return whole_bytes - arena->purged_pages * os_page_bytes();
}

/* Of free pools and of holes that can be purged. */
static inline size_t
arena_resting_bytes(const struct arena *arena)
{
    if (arena->kind == ARENA_RUN) {
        return arena->resting * RUN_UNIT_BYTES;
    }
    size_t pools = (size_t)arena->free_pools - arena->purged;
    return pools * slots_a_pool(arena) * POOL_BYTES - arena->resting_purged_pages * os_page_bytes();
}

static inline bool
pool_counts_frees(const struct pool *pool)
{
    return pool->state == SLOT_LISTED || pool->state == SLOT_CANDIDATE || pool->state == SLOT_SEALED;
}

static inline size_t
pool_allocated(const struct pool *pool)
{
    return pool_counts_frees(pool) ? pool->frees_left : pool->state == SLOT_RETIRED ? pool->capacity : 0;
}

/* Whether it shows pages of extents. */
static inline bool
pool_is_sealed(const struct pool *pool)
{
    return pool->state == SLOT_SEALED || pool->state == SLOT_SPENT;
}

static inline unsigned
slots_of_pool(const struct pool *pool)
{
    return is_large_class(pool->size_class) ? SLOTS_A_LARGE_POOL : 1;
}

static inline size_t
pool_purged_pages(const struct pool *pool)
{
    return (size_t)__builtin_popcount(pool->purged_pages);
}

/* So many bytes may have come to rest. */
static inline void
heap_note_rest(struct heap *heap, size_t size_bytes)
{
    heap->rested_bytes += size_bytes;
    if (UNLIKELY(heap->rested_bytes >= heap->notice_bytes)) {
        heap->rested_bytes = 0;
        heap->noticed();
    }
}

/* --- between the files of heap/ --- */

/* Of what rests, as much as is wanted is to go back: before a peak whatever it is, by a sweep what is old. */
struct purge {
    struct heap *heap;
    size_t wanted_bytes; /* a sweep's is never exceeded */
    bool is_sweep;
    unsigned live_percent_max; /* of pools whose pages may go */
    bool only_notes;     /* they do not, yet */
    size_t slots_left;
    uint64_t deadline_ns;
    size_t unasked;      /* slots that were looked at since the clock was asked */
    bool is_late;
    struct swept swept;

    /* neighbours of one arena, to go in one call */
    char *offered;
    size_t offered_bytes;
};

/* arena.c */
struct arena *arena_obtain(struct heap *heap, enum arena_kind kind);
struct arena *arena_fullest_with(struct heap *heap, enum arena_kind kind, size_t room);
bool arena_is_last(const struct heap *heap, const struct arena *arena);
void arena_relist(struct heap *heap, struct arena *arena, size_t room);
void arena_settle(struct heap *heap, struct arena *arena, size_t room, bool is_empty);

/* pool.c */
SLOW void *pool_refill(struct domain *domain, unsigned size_class);
SLOW void pool_note_free(struct heap *heap, struct pool *pool, void *address);
void pool_make_candidate(struct heap *heap, struct pool *pool);
void pool_take_back(struct heap *heap, struct pool *pool);
void pool_rebuild_free_list(struct heap *heap, struct pool *pool);
void pool_seal(struct heap *heap, struct pool *pool, const uint32_t *shown);
void pool_note_renewed(struct heap *heap, struct pool *pool);
void pool_settle_arena(struct heap *heap, struct arena *arena);

/* runs.c */
void runs_begin(struct heap *heap, struct arena *arena);
void *runs_allocate(struct heap *heap, size_t size_bytes, size_t *dirty_bytes);
void runs_free(struct heap *heap, void *address);
bool runs_resize(struct heap *heap, void *address, size_t size_bytes);
size_t runs_size_of(const struct heap *heap, const void *address);
size_t runs_longest_hole(const struct heap *heap, const struct arena *arena);
size_t runs_part_end(const struct arena *arena, const struct unit_table *table, size_t unit, size_t end);

/* mapping.c */
void *mapping_allocate(struct heap *heap, size_t size_bytes, size_t *dirty_bytes);
void mapping_free(struct heap *heap, void *address);
void *mapping_resize(struct heap *heap, void *address, size_t size_bytes);
const struct mapping *mapping_find(const struct heap *heap, const void *address);
void mapping_table_release(struct mapping_table *table);
size_t mapping_table_bytes(const struct mapping_table *table);

/* kept.c */
void kept_add(struct heap *heap, struct kept piece);
bool kept_take(struct heap *heap, size_t mapped_bytes, struct kept *taken);
size_t kept_take_tail(struct heap *heap, uintptr_t mapping_end);
size_t kept_bytes_for(const struct heap *heap, size_t mapped_bytes);
void kept_give_back(struct heap *heap, size_t wanted_bytes);
bool kept_give_back_all(struct heap *heap);
bool kept_sweep(struct purge *purge);

/* pages.c */
enum { PAGES_NOTED = 1 << 29, PAGES_LOOKED_AT = 1 << 30 }; /* in what was seen of a pool */
unsigned pages_between(const struct heap *heap, const struct pool *pool, const char *start, const char *end);
bool pages_is_away(const struct pool *pool, size_t index);
unsigned pages_without_live_block(const struct heap *heap, const struct pool *pool);
uint32_t pages_seen(const struct heap *heap, const struct pool *pool);
bool pages_have_rested(const struct heap *heap, const struct pool *pool);
void pages_take_away(struct heap *heap, struct pool *pool, unsigned pages);
void pages_bring_back(struct heap *heap, struct pool *pool, unsigned pages);
void pages_restore(struct heap *heap, struct pool *pool);
size_t pages_forget(struct pool *pool);

/* purge.c */
bool purge_fits_pages(void);
void purge_resting(struct heap *heap, size_t wanted_bytes);
bool purge_is_due(struct purge *purge);
void purge_spend(struct purge *purge, size_t slots);
size_t purge_arena(struct purge *purge, struct arena *arena, size_t first_slot);
void purge_put_purged_last(struct arena *arena);

/* growth.c */
bool growth_allows_kept(const struct heap *heap, size_t more_bytes);
void growth_prepare(struct heap *heap, size_t more_bytes);
void growth_note(struct heap *heap);
void growth_touch(struct heap *heap, size_t more_bytes);
void growth_touch_again(struct heap *heap, size_t more_bytes);
void growth_note_taken(struct heap *heap, size_t taken_bytes);

/* Whether a block that was cut off is neither allocated nor free. */
static inline bool
pool_is_away(const struct heap *heap, const struct pool *pool, size_t index)
{
    return pool->state == SLOT_SEALED ? !survivors_has(heap, pool, index) : pages_is_away(pool, index);
}

#endif
