/* The phases of a snapshot's walk, each in a file of its own, and what they share. snapshot.h says what they are.
 *
 * Callers: snapshot*.c. Locking: the interpreter lock, within the walk.
 */
#ifndef QUIRE_HOOK_SNAPSHOT_PHASES_H
#define QUIRE_HOOK_SNAPSHOT_PHASES_H

#include "hook/snapshot.h"

#include "observe/walk.h"

/* snapshot_marking.c: what is an object or a table for certain, and which strings are names. */
void snapshot_mark(struct snapshot *snapshot);

/* snapshot_rows.c: rows of all objects that are marked in a part of a piece, which lies in pools, in runs, or elsewhere. */
void snapshot_put_rows(struct snapshot *snapshot, const struct marks_piece *piece, size_t first_word, size_t end_word,
                       enum where where);

/* What an object says that it refers to may be read: in the heap what lies in one block; elsewhere the beginning of a table
 * that is one for certain, of keys that the instances of a class share. */
bool snapshot_may_read(const void *context, const void *address, size_t size_bytes);

/* snapshot_heap.c: the heap's pools, and its large blocks. */
void snapshot_put_heap(struct snapshot *snapshot);

/* 0, or an errno value. */
int snapshot_error(const struct snapshot *snapshot);

/* --- what they share --- */

static inline struct column *
column(struct snapshot *snapshot, int number)
{
    return &snapshot->columns[number];
}

static inline uintptr_t
address_of(const void *object)
{
    return (uintptr_t)object;
}

static inline struct marks_piece *
piece_for(struct snapshot *snapshot, uintptr_t address)
{
    struct marks_piece *last = snapshot->last_piece;
    if (last == NULL || address - last->address >= MARKS_PIECE_BYTES) {
        last = marks_piece_for(&snapshot->marks, address);
        snapshot->last_piece = last != NULL ? last : snapshot->last_piece;
    }
    return last;
}

static inline bool
is_in_heap(const struct snapshot *snapshot, const void *address)
{
    return snapshot->heap != NULL && heap_is_in_arena(snapshot->heap, address);
}

/* Where the block begins; outside the heap, where the cell does that the address lies in. */
static inline char *
table_start(const struct snapshot *snapshot, struct object_table table)
{
    size_t size_bytes;
    bool is_found = table.may_be_inside && is_in_heap(snapshot, table.address);
    char *block = is_found ? walk_block_at(snapshot->heap, table.address, &size_bytes) : NULL;
    return block != NULL ? block : (char *)(address_of(table.address) & ~(MARK_BYTES - 1));
}

#endif
