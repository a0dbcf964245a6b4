/* Mesh: sparse pools whose live blocks do not overlap come to share physical pages. Addresses stay as they are.
 *
 *     choose     LISTED --> CANDIDATE      few live blocks; off the ring: only frees from now on
 *     (prove)                              somebody else finds out which blocks may be copied (proofs.h)
 *     settle     CANDIDATE, a block of it not proven --> LISTED; now it is known how sparse they are, and the caller says
 *                how large the pieces are
 *     match      CANDIDATE --> SEALED      a place in an extent; copy the live blocks; show it. Densest first, since sparse
 *                                          ones fit into what those leave; but where there may not be mappings for all,
 *                                          sparsest first. What fits no place that there is goes in halves if both do
 *                                          and there are mappings for all; else to a new place
 *                CANDIDATE --> LISTED      the system refuses, or there would be too many mappings
 *
 * A request that finds no pool takes a candidate back before it takes an empty one (pool.c). So a pass may end with fewer
 * than it began with, and never costs a program memory.
 *
 * Callers: hook/, module/. Calls: pool.c, proofs.c, survivors.c, extents.c, forks.c, os/.
 * Locking: the heap's for every call, and while a pool is copied and shown the mesh mutex (forks.h). Whoever writes to a
 * proven block holds the heap's lock too: that is what is proven.
 */
#ifndef QUIRE_HEAP_MESH_H
#define QUIRE_HEAP_MESH_H

#include "heap/geometry.h"

struct heap;
struct pool;

enum { LIVE_PERCENTS = 101 };

struct mesh_options {
    unsigned live_percent_max; /* of a pool's bytes, in live blocks, for it to become a candidate */
    size_t pools_max;          /* candidates; the sparsest */
    bool only_at_rest;         /* only pools that look as the last sweep saw them */
};

/* Where the candidates go. */
struct mesh_places {
    size_t piece_bytes;  /* what goes to one place: a power of two, from a page to 64 KiB; above 16 KiB small pools go as a
                            strip, several neighbours, if all of them are candidates or empty; else one by one */
    size_t extents_max;  /* how many are looked at before a new place is cut */
    size_t mappings_max; /* that the kernel may have more for mesh, about */
};

/* Of one step. */
struct mesh_limits {
    size_t parts_max;     /* pools looked at, settled, or meshed with all of their strip */
    uint64_t deadline_ns; /* on the system's monotonic clock; 0: none */
};

enum mesh_phase { MESH_IDLE, MESH_COUNTING, MESH_CHOOSING, MESH_PROVING, MESH_SETTLING, MESH_MATCHING };

/* Of the pass that is under way, or of the last one, in pools:
 *
 *     candidates == taken_back + foreign + meshed + left      once it has ended
 */
struct mesh_pass {
    size_t candidates;
    size_t live_blocks; /* of the candidates, when they were chosen */
    size_t foreign;    /* back on their rings: a live block was not proven */
    size_t meshed;
    size_t left;       /* back on their rings: too many mappings, refused, abandoned */
    size_t taken_back; /* by requests; or empty, meanwhile */
    size_t foreign_blocks;
    bool is_out_of_mappings;
    int refusal;       /* errno value of what the system refused; 0: nothing */
};

/* Begin a pass. 0, or an errno value and nothing has changed: EINVAL, the options; EBUSY, one is under way; ENOTSUP, the
 * system's pages are larger than pools. */
int mesh_begin(struct heap *heap, const struct mesh_options *options);

/* Do some of the phase's work, and tell which phase it is then. While blocks are being proven there is none. */
enum mesh_phase mesh_step(struct heap *heap, const struct mesh_limits *limits);

/* No more blocks will be proven. 0, or EINVAL, and nothing has changed. */
int mesh_settle(struct heap *heap, const struct mesh_places *places);

/* So many candidates go back; also where no pass is under way. Whether it is over. */
bool mesh_abandon(struct heap *heap, const struct mesh_limits *limits);
const struct mesh_pass *mesh_last_pass(const struct heap *heap);

/* Sealed pools that became empty get pages of their own again, at most so many, so that they can serve. Whether it is over:
 * all have been looked at, or the system refuses. */
bool mesh_renew(struct heap *heap, const struct mesh_limits *limits);

/* Take all that shows extents out of the page table, so that resident size says what is used. Whether it is done. */
bool mesh_untouch(struct heap *heap, const struct mesh_limits *limits);

/* Whether any pool may show pages of an extent. */
bool mesh_is_in_use(const struct heap *heap);

/* From a page of 4 KiB to where its blocks can be read, and written, without a fault for the mapping that shows it: how
 * far it is to its home. 0: they are read where they are, as are blocks that do not lie in a row there. Good until the heap
 * is used. */
ptrdiff_t mesh_way_home(const struct heap *heap, const void *page);

/* Of the table of the pass that is under way; 0: none is. */
size_t mesh_table_bytes(const struct heap *heap);

/* --- what follows is mesh.c's --- */

struct candidate {
    uint32_t slot; /* of a pool; once settled, of a strip's first */
    union {
        uint32_t lived; /* blocks in it, when it was chosen */
        uint32_t next;  /* settled: another that is as sparse, by its number and 1; 0: none */
    };
};

struct mesh_table {
    uint32_t first[LARGE_POOL_BYTES / ALIGNMENT_BYTES + 1]; /* settled, by live bytes in 64 KiB of them */
    struct candidate candidates[];
};

struct mesh {
    enum mesh_phase phase;
    bool ends; /* MATCHING: all that is left goes back */
    bool is_densest_first;
    struct mesh_options options;
    struct mesh_places places;
    struct mesh_table *table;
    size_t cursor;         /* COUNTING, CHOOSING: a slot. SETTLING: a candidate. MATCHING: how sparse they are */
    size_t settled;
    size_t settled_end;     /* SETTLING: the slot behind the last strip or pool that is whole */
    size_t settled_bytes;
    size_t matched_bytes; /* MATCHING: of these, those that went, or were left */
    size_t mappings_needed; /* at most, without those of extents */
    size_t untouch_cursor; /* an arena, then an extent */
    size_t renew_cursor;   /* an arena */
    unsigned chosen_percent_max;
    uint32_t by_percent[LIVE_PERCENTS]; /* pools that could be candidates */
    struct mesh_pass pass;
};

bool mesh_is_late(const struct mesh_limits *limits);

/* sealed.c: how many mappings the kernel keeps for meshing; and a page of a sealed pool is its own again (forks.c) */
size_t mesh_count_mappings(const struct heap *heap);
void sealed_note_own_page(struct heap *heap, struct pool *pool, size_t page);
size_t sealed_boundaries(const struct heap *heap, const struct pool *first, size_t slots);

#endif
