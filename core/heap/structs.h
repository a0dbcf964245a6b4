/* The heap's structures, for the files of heap/ and for observe/, which only reads them.
 *
 *     range    | arena | arena |  --  | arena |  --  ...           2 MiB each; -- : not committed
 *
 *     arena    | header: arena, 127 pools, unit table | slot 1 | slot 2 | ... | slot 127 |
 *                64 B each, slot by slot                16 KiB each
 *
 * Metadata stands apart from blocks: what is known of slot i is entry i of the arena's header, and entry 0, whose
 * slot is the header itself, is the arena. From a block's address both are a few instructions away.
 */
#ifndef QUIRE_HEAP_STRUCTS_H
#define QUIRE_HEAP_STRUCTS_H

#include "heap/heap.h"

/* LISTED: serves its class and stands in the class's list. RETIRED: serves its class, full, on no list.
 * RESTING: with its arena, empty. INNER: a later slot of a larger pool. RUN: a slot of an arena of runs. */
enum slot_state { SLOT_UNTOUCHED, SLOT_LISTED, SLOT_RETIRED, SLOT_RESTING, SLOT_INNER, SLOT_RUN };

/* A pool of blocks of one size class.
 *
 *     allocated + free + (capacity - carved) == capacity
 *     allocated == frees_left if LISTED, capacity if RETIRED, 0 if RESTING
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
    uint8_t reserved[9];

    /* LISTED: neighbours in the class's ring. RESTING: next is the arena's next free pool */
    struct pool *next;
    struct pool *previous;
    uint64_t reserved_too[2];
};
static_assert(sizeof(struct pool) == 64, "64 bytes of metadata a pool");

/* An arena.
 *
 *     pools in use + free_pools + (capacity - cut) == capacity      (kinds SMALL and LARGE)
 *     the lengths of runs and holes add up to UNITS_AN_ARENA        (kind RUN)
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
    uint8_t kind;       /* enum arena_kind */
    uint8_t reserved[23];
};
static_assert(sizeof(struct arena) == sizeof(struct pool), "entry 0 of the header");

/* RUN arenas: the length of each run and hole, at its first and at its last unit. */
enum { UNIT_TAKEN = 0x8000, UNIT_LENGTH = 0x7fff };

struct arena_header {
    union {
        struct arena arena;
        struct pool slots[SLOTS_AN_ARENA];
    };
    uint16_t units[UNITS_AN_ARENA];
};
static_assert(sizeof(struct arena_header) <= ARENA_HEADER_BYTES, "the header fits its slot");

/* The arenas of one kind that have room, by how much; a bit for each list that is not empty. */
enum { ROOM_LISTS = 512 };

struct available {
    uint64_t not_empty[ROOM_LISTS / 64];
    struct arena *by_room[ROOM_LISTS];
};

/* A request kind's own pools: for each class a ring of pools with free blocks. The fast paths read the first
 * three; rings is current itself while they are open, and closed_rings once they are closed. */
struct domain {
    uintptr_t range_address;
    size_t range_bytes;            /* 0 once closed */
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
    struct heap_totals totals;
    size_t watch_bytes; /* SIZE_MAX: nobody watches */
    void (*watch_passed)(void);

    /* the range */
    char *range_address;
    size_t range_arenas;
    size_t arenas_end;      /* one past the highest index in use */
    size_t own_bytes;       /* of this struct and the bits behind it */
    uint64_t arena_bits[]; /* a bit an arena: obtained and not given back */
};

extern const struct pool heap_no_pool;

static inline struct arena_header *
arena_header_of(const void *address)
{
    return (struct arena_header *)((uintptr_t)address & ~(ARENA_BYTES - 1));
}

static inline struct arena *
arena_of(const void *address)
{
    return &arena_header_of(address)->arena;
}

/* The metadata of the slot that the address lies in: five instructions. */
static inline struct pool *
slot_of(const void *address)
{
    size_t slot = ((uintptr_t)address & (ARENA_BYTES - 1)) / POOL_BYTES;
    return &arena_header_of(address)->slots[slot];
}

static inline struct pool *
pool_of(const void *address)
{
    struct pool *slot = slot_of(address);
    return slot - (slot->slot - slot->head_slot);
}

static inline char *
pool_address(const struct pool *pool)
{
    return (char *)arena_header_of(pool) + pool->slot * POOL_BYTES;
}

static inline char *
units_address(const struct arena *arena)
{
    return (char *)arena + ARENA_HEADER_BYTES;
}

static inline bool
heap_is_in_range(const struct heap *heap, const void *address)
{
    return (uintptr_t)address - (uintptr_t)heap->range_address < heap->range_arenas * ARENA_BYTES;
}

static inline bool
heap_has_arena(const struct heap *heap, size_t index)
{
    return (heap->arena_bits[index / 64] >> (index % 64)) & 1;
}

static inline struct arena *
heap_arena(const struct heap *heap, size_t index)
{
    return (struct arena *)(heap->range_address + index * ARENA_BYTES);
}

static inline size_t
pool_allocated(const struct pool *pool)
{
    return pool->state == SLOT_LISTED ? pool->frees_left : pool->state == SLOT_RETIRED ? pool->capacity : 0;
}

/* --- between the files of heap/ --- */

/* arena.c */
struct arena *arena_obtain(struct heap *heap, enum arena_kind kind);
struct arena *arena_fullest_with(struct heap *heap, enum arena_kind kind, size_t room);
void arena_relist(struct heap *heap, struct arena *arena, size_t room);
void arena_settle(struct heap *heap, struct arena *arena, size_t room, bool is_empty);

/* pool.c */
SLOW void *pool_refill(struct domain *domain, unsigned size_class);
SLOW void pool_note_free(struct heap *heap, struct pool *pool, void *address);

/* runs.c */
void runs_begin(struct arena *arena);
void *runs_allocate(struct heap *heap, size_t size_bytes, size_t *dirty_bytes);
void runs_free(struct heap *heap, void *address);
bool runs_resize(struct heap *heap, void *address, size_t size_bytes);
size_t runs_size_of(const void *address);
size_t runs_longest_hole(const struct arena *arena);

/* mapping.c */
void *mapping_allocate(struct heap *heap, size_t size_bytes);
void mapping_free(struct heap *heap, void *address);
void *mapping_resize(struct heap *heap, void *address, size_t size_bytes);
const struct mapping *mapping_find(const struct heap *heap, const void *address);
void mapping_table_release(struct mapping_table *table);
size_t mapping_table_bytes(const struct mapping_table *table);

/* growth.c */
void growth_note(struct heap *heap);

#endif
