/* What a pass found out about blocks: which are proven to be what may be meshed.
 *
 *     range    | block       | block       | block ...
 *     cells    | P | V |   | P | V |   | P | V ...        a bit for each 16 bytes of the range
 *
 * P, the cell in which a block begins: the block is proven. Any other cell (V) is a mark of whoever makes the pass:
 * "this address was seen". Addresses outside the range have marks too, and no proof.
 *
 * Callers: hook/, which proves; mesh.c, which asks. Calls: os/.
 * Locking: the heap's. Between two calls blocks may be allocated and freed; a proof is about the block that lives there
 * when it is made, and lasts as long as nothing is allocated in that pool.
 *
 * Every proof must be of a live block. survivors_note_proven compares counts alone: a proof of a dead block and a live
 * block without one would make them equal, and the live one's bytes would be lost. An assertion build compares the blocks.
 * Whoever proves by an address that an object keeps sees to it that none is kept beyond its block's life;
 * docs/design/giving-back.md tells what was looked through.
 */
#ifndef QUIRE_HEAP_PROOFS_H
#define QUIRE_HEAP_PROOFS_H

#include "heap/heap.h"

/* Begin a pass: nothing is proven, nothing seen. 0, or an errno value and nothing has changed. Only one at a time. If it
 * is for candidates only (mesh.h), nothing else is ever proven. */
int proofs_begin(struct heap *heap, bool only_candidates);
bool proofs_are_begun(const struct heap *heap);
bool proofs_clear(struct heap *heap, uint64_t deadline_ns); /* forget all in pieces, for a quick end; false: late */
void proofs_end(struct heap *heap); /* also where none is begun */

/* Where the block begins that has the address in it, and its size; NULL if it is in none of a pool in use. */
const void *proofs_block(const struct heap *heap, const void *address, size_t *block_bytes);

/* Whether somebody will ask about the block that has the address in it. */
bool proofs_wants(const struct heap *heap, const void *address);

/* The block that has the address in it is proven; or is not, after all. Where there is none, nothing is done. */
void proofs_add(struct heap *heap, const void *address);
void proofs_remove(struct heap *heap, const void *address);
bool proofs_has(const struct heap *heap, const void *block);

/* The cells of a pool, a bit each; NULL: nothing in it is proven, nor marked. */
const uint64_t *proofs_cells(const struct heap *heap, const void *pool_address);

/* True the first time in this pass that it is asked for the address; false for ever if there is no room to note it: outside
 * the range, for PROOFS_OUTSIDE_MAX addresses.
 * An address in which a block begins is proven by it. */
enum { PROOFS_OUTSIDE_MAX = 1 << 16 };
bool proofs_visit(struct heap *heap, const void *address);
bool proofs_was_visited(const struct heap *heap, const void *address);

/* Where the pass keeps its bits and marks, for who tells what the heap has mapped: how many pieces, at most 3. */
struct proofs_piece {
    char *address;
    size_t size_bytes;
};
size_t proofs_pieces(const struct heap *heap, struct proofs_piece pieces[3]);

#endif
