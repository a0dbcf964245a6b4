/* The heap's sizes and size classes: the C twin of quire.model.geometry.QUIRE; a test compares the two.
 *
 *     request          served by                     from
 *     0 .. 512 B       block, 16 B steps             a pool of 16 KiB, in an arena of small pools
 *     .. 16 KiB        block, eight steps an octave  a pool of 64 KiB, in an arena of large pools
 *     .. 256 KiB       run of 4 KiB units            an arena of runs
 *     more             a mapping of its own          the system
 */
#ifndef QUIRE_HEAP_GEOMETRY_H
#define QUIRE_HEAP_GEOMETRY_H

#include "base/base.h"

#define ALIGNMENT_BYTES ((size_t)16)
#define SMALL_BYTES_MAX ((size_t)512)
#define POOLED_BYTES_MAX (16 * KIB)
#define RUN_BYTES_MAX (256 * KIB)
#define KEPT_BYTES_MAX (32 * MIB)
#define REQUEST_BYTES_MAX ((size_t)PTRDIFF_MAX)

#define POOL_BYTES (16 * KIB)
#define LARGE_POOL_BYTES (64 * KIB)
#define FIRST_BLOCK_OFFSET ((size_t)48) /* in small pools; docs/design/heap.md says why */
#define RUN_UNIT_BYTES (4 * KIB)
#define ARENA_BYTES (2 * MIB)
#define ARENA_HEADER_BYTES POOL_BYTES
#define PAGE_BYTES_MIN (4 * KIB) /* of any system's; no page is smaller */

enum {
    DOMAINS = 2,
    SMALL_CLASSES = 32,
    STEPS_AN_OCTAVE = 8,
    LARGE_CLASSES = 40,
    CLASSES = SMALL_CLASSES + LARGE_CLASSES,
    SLOTS_AN_ARENA = 128,  /* pieces of POOL_BYTES, the header included */
    SLOTS_A_LARGE_POOL = 4,
    UNITS_AN_ARENA = 508,  /* of runs, slot 0 not included */
    KEPT_MAX = 64,         /* pieces of mappings kept after they were freed */
};

static_assert(SMALL_CLASSES * ALIGNMENT_BYTES == SMALL_BYTES_MAX, "small classes end at the largest small block");
static_assert((SMALL_BYTES_MAX << (LARGE_CLASSES / STEPS_AN_OCTAVE)) == POOLED_BYTES_MAX, "and large ones go on");
static_assert(SLOTS_AN_ARENA * POOL_BYTES == ARENA_BYTES, "slots fill the arena");
static_assert(SLOTS_A_LARGE_POOL * POOL_BYTES == LARGE_POOL_BYTES, "slots fill a large pool");
static_assert(UNITS_AN_ARENA * RUN_UNIT_BYTES + ARENA_HEADER_BYTES == ARENA_BYTES, "units fill the arena");

/* The class of a request above the small ones: its octave, then its step in it. */
static inline unsigned
large_class(size_t size_bytes)
{
    size_t last = size_bytes - 1;
    unsigned octave = highest_bit(last);
    unsigned step = (unsigned)(last >> (octave - 3)) & (STEPS_AN_OCTAVE - 1);
    return SMALL_CLASSES + (octave - highest_bit(SMALL_BYTES_MAX)) * STEPS_AN_OCTAVE + step;
}

/* The class of a request that a pool serves; 0 bytes count as 1. */
static inline unsigned
size_class_of(size_t size_bytes)
{
    if (size_bytes <= SMALL_BYTES_MAX) {
        return (unsigned)((size_bytes - (size_bytes != 0)) / ALIGNMENT_BYTES);
    }
    return large_class(size_bytes);
}

static inline size_t
block_bytes_of(unsigned size_class)
{
    if (size_class < SMALL_CLASSES) {
        return (size_class + 1) * ALIGNMENT_BYTES;
    }
    unsigned octave = (size_class - SMALL_CLASSES) / STEPS_AN_OCTAVE;
    unsigned step = (size_class - SMALL_CLASSES) % STEPS_AN_OCTAVE;
    size_t first = SMALL_BYTES_MAX << octave;
    return first + first / STEPS_AN_OCTAVE * (step + 1);
}

static inline bool
is_large_class(unsigned size_class)
{
    return size_class >= SMALL_CLASSES;
}

static inline size_t
first_block_offset(unsigned size_class)
{
    return is_large_class(size_class) ? 0 : FIRST_BLOCK_OFFSET;
}

static inline size_t
pool_bytes_of(unsigned size_class)
{
    return is_large_class(size_class) ? LARGE_POOL_BYTES : POOL_BYTES;
}

/* How many blocks of the class a pool has. */
static inline size_t
capacity_of(unsigned size_class)
{
    return (pool_bytes_of(size_class) - first_block_offset(size_class)) / block_bytes_of(size_class);
}

static inline size_t
run_units_of(size_t size_bytes)
{
    return (size_bytes + RUN_UNIT_BYTES - 1) / RUN_UNIT_BYTES;
}

#endif
