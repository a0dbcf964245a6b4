/* A snapshot: every object of the process and every block that is none, written as columns. docs/design/snapshot.md tells
 * what the columns mean.
 *
 *     with the interpreter lock: snapshot_begin, snapshot_walk         one moment; nothing of Python's is allocated
 *                                snapshot_ask                          sizes that extensions tell: the program may go on
 *     without it:                snapshot_settle                       owners of tables, rows of what references lead to
 *     with it:                   snapshot_end
 *
 * The walk, in the order of addresses, for a heap is read faster than its pointers are followed:
 *
 *     mark      the collector's lists: each tracked object, its tables, and what it shows that is not tracked
 *     arenas    each live block: an object that is marked, a table that is marked, what looks like an object, or a block
 *               that is nobody's; and each object's row
 *     outside   the same of what is marked elsewhere
 *     tables    each table's row
 *     heap      its pools, then its large blocks: runs and the holes between them by address, mappings and what is kept
 *               of freed ones in no order
 *
 * So rows are written in their final order, and an address finds its row by counting marks (observe/marks.h): nothing is
 * sorted. Without references only objects outside the heap show what they refer to, for what they show stands nowhere else.
 *
 * Files: snapshot.c, the order of it; snapshot_marking.c, snapshot_rows.c, snapshot_heap.c, the phases; snapshot_settling.c.
 *
 * Callers: module/. Locking: as above; only one at a time.
 */
#ifndef QUIRE_HOOK_SNAPSHOT_H
#define QUIRE_HOOK_SNAPSHOT_H

#include "hook/asking.h"
#include "hook/objects.h"
#include "hook/roots.h"

#include "heap/structs.h"
#include "observe/columns.h"
#include "observe/marks.h"

/* "interned": rows of strings that never die because they are interned. Of the last two, which nobody keeps, settling
 * makes others: 16 bytes for each table that an object says it has, the address of each object referred to. */
#define SNAPSHOT_COLUMNS(COLUMN) \
    COLUMN(object_address) \
    COLUMN(object_type) \
    COLUMN(object_bytes) \
    COLUMN(object_count) \
    COLUMN(object_flags) \
    COLUMN(table_address) \
    COLUMN(table_bytes) \
    COLUMN(table_owner) \
    COLUMN(edge_end) \
    COLUMN(edge_to) \
    COLUMN(pool_address) \
    COLUMN(pool_bytes) \
    COLUMN(pool_block_bytes) \
    COLUMN(pool_live) \
    COLUMN(pool_resident_bytes) \
    COLUMN(pool_flags) \
    COLUMN(large_address) \
    COLUMN(large_bytes) \
    COLUMN(large_resident_bytes) \
    COLUMN(large_flags) \
    COLUMN(text_object) \
    COLUMN(text_end) \
    COLUMN(text_bytes) \
    COLUMN(interned) \
    COLUMN(claims) \
    COLUMN(edges)

#define SNAPSHOT_COLUMN_NUMBER(name) COLUMN_##name,
enum { SNAPSHOT_COLUMNS(SNAPSHOT_COLUMN_NUMBER) COLUMNS_COUNT };

#define SNAPSHOT_NONE UINT32_MAX

/* Of a name no more is written than it has; a longer one is none. Values are cut. */
enum { NAME_CHARACTERS_MAX = 200, VALUE_CHARACTERS_MAX = 200 };

/* object_flags */
enum { KNOWN_TRACKED, KNOWN_SHOWN, KNOWN_LOOKS, HAS_HEADER = 1 << 2, WHERE_SHIFT = 3, INLINE_ATTRIBUTES = 1 << 6 };
enum where { IN_POOL, IN_RUN, IN_MAPPING, IN_OTHERS, IN_NO_HEAP, IN_GUARDED };

/* pool_flags */
enum { POOL_EMPTY, POOL_USED, POOL_FULL, POOL_SEALED = 1 << 2, POOL_SPENT = 1 << 3 };

/* large_flags: a run, a hole between runs, one that was never handed out, a mapping, what is kept of a freed one */
enum large { LARGE_RUN, LARGE_HOLE, LARGE_UNTOUCHED, LARGE_MAPPING, LARGE_KEPT };

struct snapshot_counts {
    uint64_t objects, tables, edges, pools, large;
};

struct snapshot {
    bool references; /* and with them roots, and names */
    bool values; /* the texts of strings and bytes */
    struct heap *heap; /* NULL: none serves the process */
    struct column columns[COLUMNS_COUNT];
    struct object_types types;
    struct marks marks;
    struct snapshot_counts counts;
    struct roots roots;
    struct asking asking;
    uint64_t text_end;
    uint64_t begin_ns, pause_ns; /* how long the lock was held, or fought for; once sizes are asked */

    /* within the walk */
    bool is_recognised; /* all blocks of the heap: what looks like an object is marked */
    struct marks_piece *last_piece;
    struct object_reading reading[2]; /* of what only looks like an object; of what is one for certain */
    bool are_names_in_c; /* of a module or a type that is: C does not always intern them, and computes none */
    const void *named_keys; /* the table of a dictionary's keys whose names were marked last */
    unsigned depth; /* of untracked objects that show each other */
    struct pending {
        PyObject **objects;
        size_t count, max;
    } pending; /* too deep to be shown at once */
};

/* With descriptors of files, empty ones; -1: nobody wants the column. NULL, or why there can be no snapshot; error is an
 * errno value, or 0. */
const char *snapshot_begin(struct snapshot *snapshot, const int files[COLUMNS_COUNT], PyObject *reviewed, int *error);

/* Types that are types for certain: those of untracked objects may be found by nothing else. False: no memory. */
bool snapshot_add_type(struct snapshot *snapshot, PyTypeObject *type);

/* 0, or an errno value: ENOMEM, or that of a file that refused. */
int snapshot_walk(struct snapshot *snapshot);
void snapshot_ask(struct snapshot *snapshot);
int snapshot_settle(struct snapshot *snapshot);
void snapshot_end(struct snapshot *snapshot);

/* After the walk: whether there is a row of an object at the address. */
bool snapshot_has(const struct snapshot *snapshot, const void *object);

/* Whether a string is a name: interned, what Python takes for an identifier, and not too long. */
bool snapshot_is_name(PyObject *string);

/* Once it is settled: the row of an object, SNAPSHOT_NONE if there is none. */
uint32_t snapshot_row(const struct snapshot *snapshot, const void *object);

#endif
