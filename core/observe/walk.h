/* Reading a heap's structure: arena by arena, pool by pool, run by run. It writes nothing of the heap.
 *
 * Callers: module/. A visitor that returns false ends the walk, and the walk returns false.
 * Locking: the heap's, held for the whole walk.
 */
#ifndef QUIRE_OBSERVE_WALK_H
#define QUIRE_OBSERVE_WALK_H

#include "heap/structs.h"

/* Arenas in address order. */
bool walk_arenas(struct heap *heap, bool (*visit)(void *context, struct heap *heap, struct arena *arena), void *context);

/* The pools that were ever cut from an arena of pools, in address order. */
bool walk_pools(struct heap *heap, struct arena *arena,
                bool (*visit)(void *context, struct pool *pool, char *address), void *context);

enum run_state { RUN_UNTOUCHED, RUN_FREE, RUN_ALLOCATED };

/* Runs and holes of an arena of runs, in address order; the untouched tail is a hole of its own. */
bool walk_runs(struct heap *heap, struct arena *arena,
               bool (*visit)(void *context, char *address, size_t size_bytes, enum run_state state), void *context);

/* Mappings that serve a request, in no order. */
bool walk_mappings(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context);

/* Pieces of mappings that were freed and are kept, the oldest first. */
bool walk_kept(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context);

/* Homes of extents, and what is known of each. */
bool walk_extents(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context);

/* A bit for each block of the pool, in address order: the live ones. How many words. */
enum { LIVE_WORDS_MAX = POOL_BYTES / ALIGNMENT_BYTES / 64 };
size_t walk_live_bits(const struct heap *heap, const struct pool *pool, uint64_t live[LIVE_WORDS_MAX]);

/* Where the block begins that has the address in it, of a pool in use, and its size: it may be a free one. Runs and mappings
 * are found by their first address alone. NULL: there is none. All of it can be read. */
char *walk_block_at(const struct heap *heap, const void *address, size_t *size_bytes);

/* Every live block of pools, run and mapping. */
bool walk_live(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context);

#endif
