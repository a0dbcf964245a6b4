/* Survivors: which blocks of a pool were live when it was last looked at; a bit a block, for candidates and sealed pools.
 *
 *     blocks      | live | free | free | live | untouched ...
 *     survivors      1      0      0      1      0
 *
 * The free list of a candidate tells which of its blocks are live; the one of a sealed pool does not, since the rest of
 * the pool is where other pools' blocks are. So that its bits are all that is known.
 *
 *     live now == survivors - blocks freed since, which are the first of the free list
 *
 * The bits stand in words of a table, a mapping of its own that grows a pass at a time; a pool has the number of its first
 * word. Word 0 is nobody's. Callers: mesh.c, sealed.c, pool.c, heap.c, check.c, observe/. Calls: os/. Locking: the heap's.
 */
#ifndef QUIRE_HEAP_SURVIVORS_H
#define QUIRE_HEAP_SURVIVORS_H

#include "heap/geometry.h"

struct heap;
struct pool;

enum {
    SURVIVOR_WORDS_MAX = 16, /* of a pool: it has at most 1024 blocks */
    GRANULE_WORDS_MAX = LARGE_POOL_BYTES / ALIGNMENT_BYTES / 64,
};
static_assert((POOL_BYTES - FIRST_BLOCK_OFFSET) / ALIGNMENT_BYTES <= 64 * SURVIVOR_WORDS_MAX, "a word for 64 blocks");

struct survivors {
    uint64_t *words;
    size_t words_max;
    size_t used_words;  /* the rest were never used since the table was last empty */
    size_t pools;       /* that have bits */
    uint32_t first_free[SURVIVOR_WORDS_MAX + 1]; /* by how many words; each free piece begins with the next one's number */
};

size_t survivors_table_bytes(const struct heap *heap);

/* Make room for so many more pools. 0, or an errno value and nothing has changed. */
int survivors_reserve(struct heap *heap, size_t pools);
void survivors_release(struct heap *heap);

/* Give the pool bits: its live blocks. There is room for it. */
void survivors_note(struct heap *heap, struct pool *pool);

/* The same by what is proven, if that is all that lives: so many blocks did before anything was proven, none was allocated
 * or freed since, and so many are proven. Then nothing of the pool's memory is read. Whether it is so. */
bool survivors_note_proven(struct heap *heap, struct pool *pool, size_t lived);
void survivors_forget(struct heap *heap, struct pool *pool); /* also where it has none */

/* What was freed since they were noted is no survivor; since_frees_left: how many live blocks there were then. */
void survivors_update(struct heap *heap, struct pool *pool, size_t noted);
size_t survivors_count(const struct heap *heap, const struct pool *pool);
bool survivors_has(const struct heap *heap, const struct pool *pool, size_t index);

/* The first survivor from there on; pool->carved: there is none. */
size_t survivors_next(const struct heap *heap, const struct pool *pool, size_t index);

/* A bit for each 16 bytes of the pool: those of survivors. Where none were noted, no bit. */
void survivors_granules(const struct heap *heap, const struct pool *pool, uint64_t *granules);

#endif
