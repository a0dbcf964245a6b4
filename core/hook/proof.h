/* Proving blocks: a pass over CPython's objects that tells heap/proofs.h what may be meshed.
 *
 *     the collector's lists --> owner --> its tables                     of reviewed types, by layout
 *                                    \--> children: numbers, strings     of any owner
 *                                    \--> bytes                          that nobody can be filling, see below
 *                                    \--> untracked tuples, dicts, code  of reviewed owners; and on, from there
 *
 * What is not reached is foreign. A proof lasts until the block is freed, for no block changes its nature; bytes alone
 * can change sides, when who holds the only reference fills them anew. So:
 *
 *   - bytes in a list count only if a reviewed owner refers to the list: zlib, bz2 and lzma fill bytes that stand in a
 *     list of theirs, without the lock;
 *   - bytes that an owner of an unreviewed type shows do not count, whoever else refers to them;
 *   - such an owner that shows very many objects is not looked at to its end: then no bytes count at all;
 *   - of each proven bytes the pass holds a reference until it is told that they are meshed, or are not to be: CPython
 *     copies what two refer to, before it writes.
 *
 * The lists are walked in steps (collector.h). The program runs in between, and what a step finds changed it takes as
 * it is.
 *
 *     begin, step, step, ... done; settle what is asked of the proofs; release, ... nothing left; end
 *
 * Locking: the interpreter lock, of the main interpreter. Nothing here is called from an allocator's function.
 */
#ifndef QUIRE_HOOK_PROOF_H
#define QUIRE_HOOK_PROOF_H

#include "hook/types.h"

/* What a block was found to be, for who wants to know (proof_tell). */
enum finding { FINDING_OBJECT, FINDING_REVIEWED_OBJECT, FINDING_TABLE };

/* Whether blocks can be proven here at all: one interpreter uses the heap, and it is the main one that asks. */
bool proof_may_go_on(void);

/* Begin, with the types that types_review() was given. NULL, or why there can be no pass; nothing has changed then. With
 * only_candidates what is not a candidate of meshing (heap/mesh.h) is foreign, whatever it is. */
const char *proof_begin(bool only_candidates);

enum proof_state {
    PROOF_DONE,
    PROOF_GOES_ON,
    PROOF_WAITS,   /* the collector is at work, in another thread: nothing was done */
    PROOF_IS_VOID, /* other interpreters came to be: end it */
};

/* One step, that ends soon after the monotonic clock stands at the deadline; 0: not before it is done. */
enum proof_state proof_step(uint64_t deadline_ns);

struct proof_counts {
    size_t owners;     /* passed, some of them more than once */
    size_t references; /* held, to bytes */
    size_t vetoed;     /* bytes that unreviewed owners showed */
    size_t work_max;   /* objects looked at, at most, from one look at the clock to the next */
};
struct proof_counts proof_counts(void);

/* The pass is over, done or not: until the deadline let go of references to bytes, of what is in the middle, and of the
 * proofs. Whether nothing is left; then ending it takes no time. */
bool proof_release(uint64_t deadline_ns);

/* All that is left, and the marker, go. Also where no pass was begun; also in a forked child, for its parent's. */
void proof_end(void);
bool proof_is_under_way(void);

/* For a look at the objects' counts, within which nothing else runs: as if the pass held none of them; and as it was. */
void proof_let_go(void);
void proof_hold_again(void);

/* Whether who has an object show what it refers to is a pass, not the collector. */
bool proof_is_visitor(visitproc visit);

/* Have every finding told from now on, until the pass ends: an address in the block, and the object's type, or that of
 * the owner of the table. The function may allocate nothing of Python's. */
void proof_tell(void (*tell)(void *context, const void *address, enum finding finding, PyTypeObject *type),
                void *context);

#endif
