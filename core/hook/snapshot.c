/* See snapshot.h. */
#include "hook/snapshot_phases.h"

#include "hook/collector.h"
#include "hook/images.h"
#include "hook/proof.h"
#include "hook/service.h"
#include "os/os.h"

#include <errno.h>

/* --- what a block is --- */

/* An object that is certain begins where the block does or behind what its type puts before it: 16 or 32 bytes. */
static bool
has_certain_object(const struct marks_piece *piece, uintptr_t block, size_t block_bytes)
{
    enum { CELLS_MAX = 3 };
    size_t cell = mark_cell(block), cells = (block_bytes + MARK_BYTES - 1) / MARK_BYTES;
    uint64_t block_cells = ((uint64_t)1 << (cells < CELLS_MAX ? cells : CELLS_MAX)) - 1;
    uint64_t marked = piece_next_cells(piece, MARK_OBJECT, cell) & ~piece_next_cells(piece, MARK_SHIFTED, cell);
    return (marked & block_cells) != 0;
}

/* An object for certain, the table of one for certain, an object by its looks, or nobody's. */
static void
recognise_block(struct snapshot *snapshot, struct marks_piece *piece, char *block, size_t block_bytes)
{
    if (has_certain_object(piece, address_of(block), block_bytes) || piece_has(piece, MARK_TABLE, address_of(block))) {
        return;
    }
    const void *object = objects_look_at(&snapshot->types, block, block_bytes);
    if (object == NULL) {
        piece_mark(piece, MARK_TABLE, address_of(block));
        return;
    }
    piece_mark(piece, MARK_OBJECT, address_of(object));
    piece_mark(piece, MARK_LOOKS, address_of(object));
}

static void
recognise_pool(struct snapshot *snapshot, struct marks_piece *piece, const struct pool *pool)
{
    uint64_t live[LIVE_WORDS_MAX];
    size_t words = walk_live_bits(snapshot->heap, pool, live);
    char *first = first_block(snapshot->heap, pool);
    for (size_t word = 0; word < words; word++) {
        for (; live[word] != 0; live[word] &= live[word] - 1) {
            size_t index = word * 64 + lowest_bit(live[word]);
            recognise_block(snapshot, piece, first + index * pool->block_bytes, pool->block_bytes);
        }
    }
}

/* Blocks that stand alone, each perhaps in a piece of its own. */
static bool
recognise_alone(void *context, char *address, size_t size_bytes)
{
    struct marks_piece *piece = piece_for(context, address_of(address));
    if (piece != NULL) {
        recognise_block(context, piece, address, size_bytes);
    }
    return true;
}

static bool
recognise_run(void *context, char *address, size_t size_bytes, enum run_state state)
{
    return state != RUN_ALLOCATED || recognise_alone(context, address, size_bytes);
}

static void
recognise_guarded(struct snapshot *snapshot)
{
    struct hook_sampling sampling;
    struct guard *guard = hook_guard(&sampling);
    for (uint32_t i = 0; guard != NULL && i < guard->slots_count; i++) {
        const struct guard_slot *slot = &guard->slots[i];
        if (slot->state == GUARD_ALLOCATED && address_of(slot->address) % MARK_BYTES == 0) {
            recognise_alone(snapshot, slot->address, slot->size_bytes);
        }
    }
}

/* --- phase: arenas --- */

/* What was just recognised is still near. */
static bool
put_pool_objects(void *context, struct pool *pool, char *address)
{
    struct snapshot *snapshot = context;
    struct marks_piece *piece = piece_for(snapshot, address_of(address));
    if (piece == NULL || pool_allocated(pool) == 0) {
        return true;
    }
    if (!snapshot->is_recognised) {
        recognise_pool(snapshot, piece, pool);
    }
    size_t first_word = mark_cell(address_of(address)) / 64;
    size_t words = pool_bytes_of(pool->size_class) / MARK_BYTES / 64;
    snapshot_put_rows(snapshot, piece, first_word, first_word + words, IN_POOL);
    return true;
}

static bool
recognise_pool_of_walk(void *context, struct pool *pool, char *address)
{
    struct marks_piece *piece = piece_for(context, address_of(address));
    if (piece != NULL) {
        recognise_pool(context, piece, pool);
    }
    return true;
}

static bool
recognise_arena(void *context, struct heap *heap, struct arena *arena)
{
    return arena->kind == ARENA_RUN ? walk_runs(heap, arena, recognise_run, context)
                                    : walk_pools(heap, arena, recognise_pool_of_walk, context);
}

static void
put_arena_objects(struct snapshot *snapshot, struct arena *arena)
{
    struct heap *heap = snapshot->heap;
    if (arena->kind != ARENA_RUN) {
        walk_pools(heap, arena, put_pool_objects, snapshot);
        return;
    }
    if (!snapshot->is_recognised) {
        walk_runs(heap, arena, recognise_run, snapshot);
    }
    const struct marks_piece *piece = piece_for(snapshot, address_of(arena_address(heap, arena)));
    if (piece != NULL) {
        snapshot_put_rows(snapshot, piece, 0, MARK_WORDS, IN_RUN);
    }
}

/* --- phase: objects, wherever they are, in the order of addresses --- */

int
snapshot_error(const struct snapshot *snapshot)
{
    if (snapshot->marks.is_short_of_memory || snapshot->types.is_short_of_memory
        || snapshot->roots.is_short_of_memory || snapshot->asking.is_short_of_memory) {
        return ENOMEM;
    }
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (snapshot->columns[i].error != 0) {
            return snapshot->columns[i].error;
        }
    }
    return snapshot->counts.objects < SNAPSHOT_NONE ? 0 : EOVERFLOW;
}

static bool
make_piece_of_arena(void *context, struct heap *heap, struct arena *arena)
{
    piece_for(context, address_of(arena_address(heap, arena)));
    return true;
}

static void
recognise_first(struct snapshot *snapshot)
{
    if (snapshot->heap == NULL) {
        return;
    }
    walk_arenas(snapshot->heap, make_piece_of_arena, snapshot);
    walk_mappings(snapshot->heap, recognise_alone, snapshot);
    recognise_guarded(snapshot);
    if (snapshot->references) {
        walk_arenas(snapshot->heap, recognise_arena, snapshot);
        snapshot->is_recognised = true;
    }
}

/* Tables outside may be met, and make pieces: behind those that were there, and with no object in them. */
static void
put_objects(struct snapshot *snapshot)
{
    struct marks *marks = &snapshot->marks;
    size_t count = marks->pieces_count;
    for (size_t i = 0; i < count && snapshot_error(snapshot) == 0; i++) {
        const struct marks_piece *piece = marks->pieces[i];
        if (is_in_heap(snapshot, (const void *)piece->address)) {
            put_arena_objects(snapshot, arena_of(snapshot->heap, (const void *)piece->address));
        } else {
            snapshot_put_rows(snapshot, piece, 0, MARK_WORDS, IN_OTHERS);
        }
    }
}

/* --- phase: tables --- */

/* Outside the heap the owner tells, when claims are settled. */
static size_t
block_bytes_at(const struct snapshot *snapshot, const char *block)
{
    size_t size_bytes = 0;
    const struct pool *pool = snapshot->heap == NULL ? NULL : pool_at(snapshot->heap, block);
    if (pool != NULL) {
        return pool->block_bytes;
    }
    if (snapshot->heap != NULL) {
        walk_block_at(snapshot->heap, block, &size_bytes);
    }
    return size_bytes;
}

static void
put_tables_of_piece(struct snapshot *snapshot, const struct marks_piece *piece)
{
    for (size_t word = 0; word < MARK_WORDS; word++) {
        for (uint64_t bits = piece->bits[MARK_TABLE][word]; bits != 0; bits &= bits - 1) {
            const char *address = (const char *)(piece->address + (word * 64 + lowest_bit(bits)) * MARK_BYTES);
            column_put_u8(column(snapshot, COLUMN_table_bytes), block_bytes_at(snapshot, address));
        }
    }
}

static void
put_tables(struct snapshot *snapshot)
{
    struct marks *marks = &snapshot->marks;
    marks_sort(marks);
    for (size_t i = 0; i < marks->pieces_count && snapshot_error(snapshot) == 0; i++) {
        put_tables_of_piece(snapshot, marks->pieces[i]);
    }
}

/* --- the walk --- */

static void
walk(struct heap *heap, void *context)
{
    struct snapshot *snapshot = context;
    snapshot->heap = heap;
    homes_forget();
    proof_let_go();
    snapshot_mark(snapshot);
    recognise_first(snapshot);
    marks_sort(&snapshot->marks);
    put_objects(snapshot);
    put_tables(snapshot);
    if (heap != NULL) {
        snapshot_put_heap(snapshot);
    }
    roots_hold(&snapshot->roots);
    proof_hold_again();
}

int
snapshot_walk(struct snapshot *snapshot)
{
    for (int is_certain = 0; is_certain < 2; is_certain++) {
        snapshot->reading[is_certain] = (struct object_reading){is_certain != 0, snapshot_may_read, snapshot};
    }
    hook_look(walk, snapshot);
    return snapshot_error(snapshot);
}

void
snapshot_ask(struct snapshot *snapshot)
{
    asking_ask(&snapshot->asking);
    snapshot->pause_ns = os_now_ns() - snapshot->begin_ns;
}

/* --- beginning and end --- */

static int
begin_columns(struct snapshot *snapshot, const int files[COLUMNS_COUNT])
{
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        int error = column_begin(&snapshot->columns[i], files[i]);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* Where a pass proves blocks, the reviewed types are known already. */
static bool
review(PyObject *reviewed)
{
    return proof_is_under_way() || types_review(reviewed);
}

const char *
snapshot_begin(struct snapshot *snapshot, const int files[COLUMNS_COUNT], PyObject *reviewed, int *error)
{
    *snapshot = (struct snapshot){.references = snapshot->references, .values = snapshot->values};
    *error = begin_columns(snapshot, files);
    if (*error != 0) {
        return "the system has no memory for buffers";
    }
    const char *reason = collector_find(); /* which may run the program's code */
    if (reason != NULL) {
        return reason;
    }
    if (!review(reviewed)) {
        return "the reviewed types"; /* an exception is set */
    }
    snapshot->begin_ns = os_now_ns();
    if (collector_is_at_work()) {
        return "the collector is at work";
    }
    types_begin_step();
    *error = images_find() && objects_begin(&snapshot->types) ? 0 : ENOMEM;
    return *error == 0 ? NULL : "the system has no memory for what is known of types";
}

bool
snapshot_add_type(struct snapshot *snapshot, PyTypeObject *type)
{
    return objects_add_type(&snapshot->types, type) != NULL;
}

void
snapshot_end(struct snapshot *snapshot)
{
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        column_release(&snapshot->columns[i]);
    }
    roots_release(&snapshot->roots);
    asking_release(&snapshot->asking);
    objects_end(&snapshot->types);
    marks_release(&snapshot->marks);
    images_forget();
    PyMem_RawFree(snapshot->pending.objects);
    if (!proof_is_under_way()) {
        types_forget();
    }
}
