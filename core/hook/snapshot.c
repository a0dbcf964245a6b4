/* See snapshot.h. */
#include "hook/snapshot.h"

#include "hook/arrays.h"
#include "hook/collector.h"
#include "hook/images.h"
#include "hook/proof.h"
#include "hook/references.h"
#include "hook/service.h"
#include "observe/residency.h"
#include "observe/walk.h"
#include "os/os.h"

#include <errno.h>

/* Untracked objects show each other in depth, as far as a thread's stack surely reaches. */
enum { DEPTH_MAX = 64, ROWS_MAX = 64 /* the bits of a word of marks */ };

static struct column *
column(struct snapshot *snapshot, int number)
{
    return &snapshot->columns[number];
}

static uintptr_t
address_of(const void *object)
{
    return (uintptr_t)object;
}

/* --- marks --- */

static struct marks_piece *
piece_for(struct snapshot *snapshot, uintptr_t address)
{
    struct marks_piece *last = snapshot->last_piece;
    if (last == NULL || address - last->address >= MARKS_PIECE_BYTES) {
        last = marks_piece_for(&snapshot->marks, address);
        snapshot->last_piece = last != NULL ? last : snapshot->last_piece;
    }
    return last;
}

/* Whether it was not marked before. */
static bool
mark(struct snapshot *snapshot, int plane, const void *address)
{
    struct marks_piece *piece = piece_for(snapshot, address_of(address));
    return piece != NULL && piece_mark(piece, plane, address_of(address));
}

static bool
is_in_heap(const struct snapshot *snapshot, const void *address)
{
    return snapshot->heap != NULL && heap_is_in_arena(snapshot->heap, address);
}

/* Where the block begins; outside the heap, where the cell does that the address lies in. */
static char *
table_start(const struct snapshot *snapshot, struct object_table table)
{
    size_t size_bytes;
    bool is_found = table.may_be_inside && is_in_heap(snapshot, table.address);
    char *block = is_found ? walk_block_at(snapshot->heap, table.address, &size_bytes) : NULL;
    return block != NULL ? block : (char *)(address_of(table.address) & ~(MARK_BYTES - 1));
}

static void
mark_table(void *context, struct object_table table)
{
    mark(context, MARK_TABLE, table_start(context, table));
}

static const struct object_reading certain_reading = {.is_certain = true};

static void
mark_tables(struct snapshot *snapshot, const struct object_type *known, PyObject *object)
{
    if (known->may_have_tables) {
        objects_visit_tables(known, object, &certain_reading, mark_table, snapshot);
    }
}

/* --- names --- */

static bool
is_identifier(PyObject *string)
{
    return PyUnicode_CheckExact(string) && PyUnicode_GET_LENGTH(string) <= NAME_CHARACTERS_MAX
           && PyUnicode_IsIdentifier(string);
}

/* What the program's text names, not what it computes: that is interned. */
bool
snapshot_is_name(PyObject *string)
{
    return PyUnicode_Check(string) && PyUnicode_CHECK_INTERNED(string) && is_identifier(string);
}

static void
mark_name(struct snapshot *snapshot, PyObject *key)
{
    struct marks_piece *piece = marks_find_piece(&snapshot->marks, address_of(key));
    bool is_marked = piece != NULL && piece_has(piece, MARK_NAME, address_of(key));
    PyObject *string = readable(key);
    if (!is_marked && PyUnicode_CheckExact(string)
        && (snapshot_is_name(string) || (snapshot->are_names_in_c && is_identifier(string)))) {
        marks_add(&snapshot->marks, MARK_NAME, address_of(key));
    }
}

static void
mark_names_in(void *context, PyObject *dict)
{
    struct snapshot *snapshot = context;
    const void *table = ((const PyDictObject *)at_home(dict))->ma_keys;
    if (table == snapshot->named_keys) {
        return; /* as the dictionaries of many instances in a row share it */
    }
    snapshot->named_keys = table;
    const void *keys = at_home(table);
    PyObject *key, *value;
    for (Py_ssize_t at = 0; version_dict_place(keys, at, &key, &value); at++) {
        if (key != NULL) {
            mark_name(snapshot, key);
        }
    }
}

static bool
is_in_c(const struct object_type *known, PyObject *object)
{
    if (known->kind == KIND_TYPE) {
        return !(((const PyTypeObject *)at_home(object))->tp_flags & Py_TPFLAGS_HEAPTYPE);
    }
    return known->foreign_base == &PyModule_Type && PyModule_GetDef(object) != NULL;
}

static void
mark_names(struct snapshot *snapshot, const struct object_type *known, PyObject *object)
{
    if (known->may_have_names && snapshot->references) {
        snapshot->are_names_in_c = is_in_c(known, object);
        objects_visit_namespaces(known, object, mark_names_in, snapshot);
    }
}

/* --- phase: mark --- */

static void meet_child(void *context, PyObject *child);

/* Words say nothing for certain; what they may lead to is known otherwise, or by its looks. */
static void
ignore_word(void *Py_UNUSED(context), uintptr_t Py_UNUSED(word))
{
}

static void
show(struct snapshot *snapshot, const struct object_type *known, PyObject *object)
{
    const struct references to = {meet_child, ignore_word, snapshot};
    references_show(known, object, &to);
}

static void
keep_for_later(struct snapshot *snapshot, PyObject *object)
{
    struct pending *pending = &snapshot->pending;
    PyObject **objects = array_grown(pending->objects, pending->count, &pending->max, sizeof *objects);
    if (objects == NULL) {
        snapshot->marks.is_short_of_memory = true;
        return;
    }
    pending->objects = objects;
    pending->objects[pending->count++] = object;
}

/* Tracked ones are met in the collector's lists; others show what they refer to when they are shown for the first time. */
static void
meet_child(void *context, PyObject *child)
{
    struct snapshot *snapshot = context;
    if (child == NULL || !mark(snapshot, MARK_OBJECT, child)) {
        return;
    }
    const struct object_type *known = objects_type_of(&snapshot->types, child);
    if (known == NULL || objects_is_tracked(known, child)) {
        return;
    }
    mark_tables(snapshot, known, child);
    mark_names(snapshot, known, child);
    if (known->shows == SHOWS_NOTHING || known->shows == SHOWS_SCAN) {
        return;
    }
    if (snapshot->depth == DEPTH_MAX) {
        keep_for_later(snapshot, child);
        return;
    }
    snapshot->depth++;
    show(snapshot, known, child);
    snapshot->depth--;
}

static void
show_pending(struct snapshot *snapshot)
{
    struct pending *pending = &snapshot->pending;
    while (pending->count > 0) {
        PyObject *object = pending->objects[--pending->count];
        show(snapshot, objects_type_of(&snapshot->types, object), object);
    }
}

static void
meet_tracked(void *context, PyObject *object)
{
    struct snapshot *snapshot = context;
    mark(snapshot, MARK_OBJECT, object);
    const struct object_type *known = objects_type_of(&snapshot->types, object);
    if (known == NULL) {
        return;
    }
    mark_tables(snapshot, known, object);
    mark_names(snapshot, known, object);
    if (known->kind == KIND_TYPE) {
        objects_add_type(&snapshot->types, (PyTypeObject *)object);
    }
    if (snapshot->references || !is_in_heap(snapshot, object)) {
        show(snapshot, known, object);
        show_pending(snapshot);
    }
}

/* What frames and the interpreter hold, for certain. */
static void
mark_roots(struct snapshot *snapshot)
{
    roots_find(&snapshot->roots);
    for (size_t i = 0; i < snapshot->roots.count; i++) {
        if (!snapshot->roots.items[i].is_word) {
            meet_child(snapshot, snapshot->roots.items[i].object);
            show_pending(snapshot);
        }
    }
}

static void
mark_all(struct snapshot *snapshot)
{
    if (snapshot->references) {
        mark_roots(snapshot);
    }
    for (size_t i = 0; i < snapshot->types.count; i++) { /* more may come */
        meet_child(snapshot, (PyObject *)objects_type_at(&snapshot->types, i)->type);
        show_pending(snapshot);
    }
    collector_visit_all(meet_tracked, snapshot);
}

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

/* --- an object's row --- */

/* In the heap what lies in one block. Elsewhere the beginning of a table that is one for certain: of keys that the instances
 * of a class share. */
static bool
may_read(const void *context, const void *address, size_t size_bytes)
{
    const struct snapshot *snapshot = context;
    size_t block_bytes = 0;
    const char *block = walk_block_at(snapshot->heap, address, &block_bytes);
    if (block == NULL) {
        return size_bytes <= sizeof(struct version_dict_keys)
               && marks_has(&snapshot->marks, MARK_TABLE, address_of(address));
    }
    return (size_t)((const char *)address - block) + size_bytes <= block_bytes && size_bytes <= block_bytes;
}

/* Whose tables are told. */
struct claimant {
    struct snapshot *snapshot;
    const struct object_type *known;
    PyObject *object;
    bool is_certain;
};

/* Outside the heap nothing but the object tells how large its table is. */
static size_t
told_bytes(const struct claimant *claimant, const char *start, const void *table)
{
    const struct heap *heap = claimant->snapshot->heap;
    bool is_known = !claimant->is_certain || is_in_heap(claimant->snapshot, start)
                 || (heap != NULL && mapping_find(heap, start) != NULL);
    return is_known ? 0 : objects_table_bytes(claimant->known, claimant->object, table);
}

static void
put_claim(void *context, struct object_table table)
{
    const struct claimant *claimant = context;
    struct column *claims = column(claimant->snapshot, COLUMN_claims);
    const char *start = table_start(claimant->snapshot, table);
    column_put_u8(claims, address_of(start));
    column_put_u4(claims, (uint32_t)claimant->snapshot->counts.objects);
    column_put_u4(claims, (uint32_t)(told_bytes(claimant, start, table.address) / sizeof(void *)));
}

static void
put_edge(void *context, PyObject *child)
{
    struct snapshot *snapshot = context;
    column_put_u8(column(snapshot, COLUMN_edges), address_of(child));
    snapshot->counts.edges++;
}

/* Rows of what is certain, and of what looks so, are all marked by now. */
static void
put_edge_of_word(void *context, uintptr_t word)
{
    struct snapshot *snapshot = context;
    if (marks_has(&snapshot->marks, MARK_OBJECT, word)) {
        put_edge(snapshot, (PyObject *)word);
    }
}

static void
put_edges(struct snapshot *snapshot, const struct object_type *known, PyObject *object, bool is_certain)
{
    const struct references to = {put_edge, put_edge_of_word, snapshot};
    if (is_certain && known->shows != SHOWS_NOTHING) {
        references_show(known, object, &to);
    }
    column_put_u8(column(snapshot, COLUMN_edge_end), snapshot->counts.edges);
}

static uint8_t
flags_of(const struct object_type *known, PyObject *object, bool is_certain, enum where where)
{
    unsigned flags = (unsigned)where << WHERE_SHIFT;
    if (known->is_class && is_certain && references_has_inline_attributes(known, object)) {
        flags |= INLINE_ATTRIBUTES;
    }
    bool has_header = objects_has_header(known, object);
    bool is_tracked = has_header && collector_tracks(readable(object));
    unsigned how = !is_certain ? KNOWN_LOOKS : is_tracked ? KNOWN_TRACKED : KNOWN_SHOWN;
    return (uint8_t)(flags | how | (has_header ? HAS_HEADER : 0));
}

/* --- texts --- */

static size_t
write_character(unsigned char *to, Py_UCS4 character)
{
    if (character < 0x80) {
        to[0] = (unsigned char)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (unsigned char)(0xC0 | character >> 6);
        to[1] = (unsigned char)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        to[0] = (unsigned char)(0xE0 | character >> 12);
        to[1] = (unsigned char)(0x80 | (character >> 6 & 0x3F));
        to[2] = (unsigned char)(0x80 | (character & 0x3F));
        return 3;
    }
    to[0] = (unsigned char)(0xF0 | (character >> 18 & 7));
    to[1] = (unsigned char)(0x80 | (character >> 12 & 0x3F));
    to[2] = (unsigned char)(0x80 | (character >> 6 & 0x3F));
    to[3] = (unsigned char)(0x80 | (character & 0x3F));
    return 4;
}

/* Half of a pair has no UTF-8. */
static Py_UCS4
told_character(int kind, const void *data, Py_ssize_t at)
{
    Py_UCS4 character = PyUnicode_READ(kind, data, at);
    return character >= 0xD800 && character < 0xE000 ? 0xFFFD : character;
}

/* Where the characters are; NULL: they cannot be read. What only looks like a string has them behind it, in its
 * block. */
static const void *
characters_of(PyObject *string, bool is_certain)
{
    int kind = PyUnicode_KIND(string);
    if (!PyUnicode_IS_COMPACT(string)) {
        bool is_ready = kind == PyUnicode_1BYTE_KIND || kind == PyUnicode_2BYTE_KIND || kind == PyUnicode_4BYTE_KIND;
        const void *data = is_ready && is_certain ? ((PyUnicodeObject *)string)->data.any : NULL;
        return data == NULL ? NULL : at_home(data);
    }
    if (kind != PyUnicode_1BYTE_KIND && kind != PyUnicode_2BYTE_KIND && kind != PyUnicode_4BYTE_KIND) {
        return NULL;
    }
    return PyUnicode_IS_ASCII(string) ? (const void *)((const PyASCIIObject *)string + 1)
                                      : (const void *)((const PyCompactUnicodeObject *)string + 1);
}

static void
put_text(struct snapshot *snapshot, const void *text, size_t text_bytes)
{
    snapshot->text_end += text_bytes;
    column_put_u4(column(snapshot, COLUMN_text_object), (uint32_t)snapshot->counts.objects);
    column_put_u8(column(snapshot, COLUMN_text_end), snapshot->text_end);
    column_put(column(snapshot, COLUMN_text_bytes), text, text_bytes);
}

static void
put_string(struct snapshot *snapshot, PyObject *string, bool is_certain)
{
    unsigned char text[4 * VALUE_CHARACTERS_MAX];
    const void *data = characters_of(string, is_certain);
    if (data == NULL) {
        return;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(string);
    size_t text_bytes = 0;
    for (Py_ssize_t at = 0; at < length && at < VALUE_CHARACTERS_MAX; at++) {
        text_bytes += write_character(text + text_bytes, told_character(PyUnicode_KIND(string), data, at));
    }
    put_text(snapshot, text, text_bytes);
}

static void
put_bytes(struct snapshot *snapshot, const PyBytesObject *bytes)
{
    Py_ssize_t length = Py_SIZE(bytes) < VALUE_CHARACTERS_MAX ? Py_SIZE(bytes) : VALUE_CHARACTERS_MAX;
    put_text(snapshot, bytes->ob_sval, length < 0 ? 0 : (size_t)length);
}

static bool
is_marked_name(struct snapshot *snapshot, PyObject *object)
{
    const struct marks_piece *piece = piece_for(snapshot, address_of(object));
    return piece != NULL && piece_has(piece, MARK_NAME, address_of(object));
}

/* Names; and values, if they are asked for. */
static void
put_texts(struct snapshot *snapshot, const struct object_type *known, PyObject *object, bool is_certain)
{
    if (known->kind == KIND_STRING && (snapshot->values || is_marked_name(snapshot, object))) {
        put_string(snapshot, readable(object), is_certain);
    } else if (known->kind == KIND_BYTES && snapshot->values) {
        put_bytes(snapshot, at_home(object));
    }
}

/* Interned strings of which CPython keeps one for as long as it runs. Others die as any string does. */
static bool
is_kept_interned(const struct object_type *known, PyObject *object, uint32_t count)
{
    PyObject *read = readable(object);
    if (known->type != &PyUnicode_Type || !PyUnicode_CHECK_INTERNED(read)) {
        return false;
    }
#if PY_VERSION_HEX >= 0x030C0000
    return count == SNAPSHOT_NONE;
#else
    (void)count;
    return PyUnicode_CHECK_INTERNED(read) == SSTATE_INTERNED_IMMORTAL;
#endif
}

/* As the object would have been counted, were it not looked at. */
static uint32_t
count_of(const struct snapshot *snapshot, const struct object_type *known, PyObject *object)
{
    uint32_t count = version_count(readable(object), SNAPSHOT_NONE);
    if (LIKELY(!known->may_be_ours) || count == SNAPSHOT_NONE) {
        return count;
    }
    uint32_t ours = objects_count_of_ours(&snapshot->types, known, object);
    return count - (ours < count ? ours : count);
}

/* Rows of the objects that a word of marks tells, which go to the columns at once. */
struct rows {
    size_t count;
    uint64_t bytes[ROWS_MAX];
    uint32_t types[ROWS_MAX];
    uint32_t counts[ROWS_MAX];
    uint8_t flags[ROWS_MAX];
};

static void
put_rows(struct snapshot *snapshot, const struct rows *rows)
{
    column_put(column(snapshot, COLUMN_object_type), rows->types, rows->count * sizeof *rows->types);
    column_put(column(snapshot, COLUMN_object_bytes), rows->bytes, rows->count * sizeof *rows->bytes);
    column_put(column(snapshot, COLUMN_object_count), rows->counts, rows->count * sizeof *rows->counts);
    column_put(column(snapshot, COLUMN_object_flags), rows->flags, rows->count * sizeof *rows->flags);
}

static void
add_object(struct snapshot *snapshot, struct rows *rows, PyObject *object, bool is_certain, enum where where)
{
    const struct object_type *known = objects_type_of(&snapshot->types, object);
    if (UNLIKELY(known == NULL)) {
        return; /* no memory: there will be no snapshot */
    }
    const struct object_reading *reading = &snapshot->reading[is_certain];
    uint32_t count = count_of(snapshot, known, object);
    rows->types[rows->count] = known->index;
    rows->bytes[rows->count] = objects_bytes(known, object, reading);
    rows->counts[rows->count] = count;
    rows->flags[rows->count] = flags_of(known, object, is_certain, where);
    rows->count++;
    if (is_certain && known->size_rule == SIZE_ASKED) {
        asking_note(&snapshot->asking, known, object, (uint32_t)snapshot->counts.objects);
    }
    if (known->may_have_tables) {
        struct claimant claimant = {snapshot, known, object, is_certain};
        objects_visit_tables(known, object, reading, put_claim, &claimant);
    }
    if (snapshot->references || snapshot->values) {
        put_texts(snapshot, known, object, is_certain);
    }
    if (snapshot->references) {
        put_edges(snapshot, known, object, is_certain);
        if (is_kept_interned(known, object, count)) {
            column_put_u4(column(snapshot, COLUMN_interned), (uint32_t)snapshot->counts.objects);
        }
    }
    snapshot->counts.objects++;
}

static enum where
outside(const struct snapshot *snapshot, uintptr_t address)
{
    struct hook_sampling sampling;
    const struct guard *guard = snapshot->heap == NULL ? NULL : hook_guard(&sampling);
    if (guard != NULL && guard_owns(guard, (const void *)address)) {
        return IN_GUARDED;
    }
    uintptr_t page = address & ~(PAGE_BYTES_MIN - 1);
    if (snapshot->heap != NULL && mapping_find(snapshot->heap, (const void *)page) != NULL) {
        return IN_MAPPING;
    }
    return images_have(address) ? IN_NO_HEAP : IN_OTHERS;
}

/* All objects that are marked in a part of a piece, which lies in pools, in runs, or elsewhere. */
static void
put_marked(struct snapshot *snapshot, const struct marks_piece *piece, size_t first_word, size_t end_word,
           enum where where)
{
    bool is_elsewhere = where != IN_POOL && where != IN_RUN;
    struct rows rows;
    for (size_t word = first_word; word < end_word; word++) {
        rows.count = 0;
        for (uint64_t bits = piece->bits[MARK_OBJECT][word]; bits != 0; bits &= bits - 1) {
            size_t cell = word * 64 + lowest_bit(bits);
            uintptr_t address = piece->address + cell * MARK_BYTES + piece_shift(piece, MARK_OBJECT, cell);
            bool is_certain = !piece_has_cell(piece, MARK_LOOKS, cell);
            add_object(snapshot, &rows, (PyObject *)address, is_certain, is_elsewhere ? outside(snapshot, address) : where);
        }
        if (rows.count != 0) {
            put_rows(snapshot, &rows);
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
    put_marked(snapshot, piece, first_word, first_word + words, IN_POOL);
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
        put_marked(snapshot, piece, 0, MARK_WORDS, IN_RUN);
    }
}

/* --- phase: objects, wherever they are, in the order of addresses --- */

static int
first_error(const struct snapshot *snapshot)
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
    for (size_t i = 0; i < count && first_error(snapshot) == 0; i++) {
        const struct marks_piece *piece = marks->pieces[i];
        if (is_in_heap(snapshot, (const void *)piece->address)) {
            put_arena_objects(snapshot, arena_of(snapshot->heap, (const void *)piece->address));
        } else {
            put_marked(snapshot, piece, 0, MARK_WORDS, IN_OTHERS);
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
    for (size_t i = 0; i < marks->pieces_count && first_error(snapshot) == 0; i++) {
        put_tables_of_piece(snapshot, marks->pieces[i]);
    }
}

/* --- phase: pools --- */

static size_t
resident_bytes(const unsigned char *pages, size_t start, size_t size_bytes)
{
    size_t page_bytes = os_page_bytes(), resident = 0;
    for (size_t at = start; at < start + size_bytes; at += page_bytes) {
        resident += pages[at / page_bytes] & 1 ? page_bytes : 0;
    }
    return resident < size_bytes ? resident : size_bytes;
}

static uint8_t
pool_flags(const struct pool *pool)
{
    size_t live = pool_allocated(pool);
    unsigned state = live == 0 ? POOL_EMPTY : live == pool->capacity ? POOL_FULL : POOL_USED;
    return (uint8_t)(state | (pool_is_sealed(pool) ? POOL_SEALED : 0) | (pool->state == SLOT_SPENT ? POOL_SPENT : 0));
}

/* An arena, its pages asked for at once. */
struct arena_walk {
    struct snapshot *snapshot;
    const char *arena;
    unsigned char pages[ARENA_BYTES / PAGE_BYTES_MIN];
};

static bool
put_pool(void *context, struct pool *pool, char *address)
{
    struct arena_walk *walk = context;
    struct snapshot *snapshot = walk->snapshot;
    bool serves = pool->state != SLOT_UNTOUCHED && pool->capacity != 0;
    size_t pool_bytes = slots_a_pool(arena_of_pool(pool)) * POOL_BYTES;
    size_t resident = resident_bytes(walk->pages, (size_t)(address - walk->arena), pool_bytes);
    column_put_u8(column(snapshot, COLUMN_pool_address), address_of(address));
    column_put_u4(column(snapshot, COLUMN_pool_bytes), (uint32_t)pool_bytes);
    column_put_u4(column(snapshot, COLUMN_pool_block_bytes), serves ? pool->block_bytes : 0);
    column_put_u4(column(snapshot, COLUMN_pool_live), (uint32_t)pool_allocated(pool));
    column_put_u4(column(snapshot, COLUMN_pool_resident_bytes), (uint32_t)resident);
    column_put_u1(column(snapshot, COLUMN_pool_flags), pool_flags(pool));
    snapshot->counts.pools++;
    return true;
}

/* --- phase: large blocks --- */

static void
put_large(struct snapshot *snapshot, const char *address, size_t size_bytes, size_t resident, enum large large)
{
    column_put_u8(column(snapshot, COLUMN_large_address), address_of(address));
    column_put_u8(column(snapshot, COLUMN_large_bytes), size_bytes);
    column_put_u8(column(snapshot, COLUMN_large_resident_bytes), resident < size_bytes ? resident : size_bytes);
    column_put_u1(column(snapshot, COLUMN_large_flags), (uint8_t)large);
    snapshot->counts.large++;
}

static bool
put_run(void *context, char *address, size_t size_bytes, enum run_state state)
{
    struct arena_walk *walk = context;
    size_t resident = resident_bytes(walk->pages, (size_t)(address - walk->arena), size_bytes);
    enum large large = state == RUN_ALLOCATED ? LARGE_RUN : state == RUN_FREE ? LARGE_HOLE : LARGE_UNTOUCHED;
    put_large(walk->snapshot, address, size_bytes, resident, large);
    return true;
}

static bool
put_mapping(void *context, char *address, size_t size_bytes)
{
    put_large(context, address, size_bytes, residency_of(address, size_bytes), LARGE_MAPPING);
    return true;
}

static bool
put_kept(void *context, char *address, size_t size_bytes)
{
    put_large(context, address, size_bytes, residency_of(address, size_bytes), LARGE_KEPT);
    return true;
}

/* --- phase: arenas' parts, and what has pages of its own --- */

static bool
put_arena_parts(void *context, struct heap *heap, struct arena *arena)
{
    struct arena_walk walk = {.snapshot = context, .arena = arena_address(heap, arena)};
    if (os_resident(arena_address(heap, arena), ARENA_BYTES, walk.pages) != 0) {
        memset(walk.pages, 0, sizeof walk.pages);
    }
    return arena->kind == ARENA_RUN ? walk_runs(heap, arena, put_run, &walk)
                                    : walk_pools(heap, arena, put_pool, &walk);
}

static void
put_heap(struct snapshot *snapshot, struct heap *heap)
{
    walk_arenas(heap, put_arena_parts, snapshot);
    walk_mappings(heap, put_mapping, snapshot);
    walk_kept(heap, put_kept, snapshot);
}

/* --- the walk --- */

static void
walk(struct heap *heap, void *context)
{
    struct snapshot *snapshot = context;
    snapshot->heap = heap;
    homes_forget();
    proof_let_go();
    mark_all(snapshot);
    recognise_first(snapshot);
    marks_sort(&snapshot->marks);
    put_objects(snapshot);
    put_tables(snapshot);
    if (heap != NULL) {
        put_heap(snapshot, heap);
    }
    roots_hold(&snapshot->roots);
    proof_hold_again();
}

int
snapshot_walk(struct snapshot *snapshot)
{
    for (int is_certain = 0; is_certain < 2; is_certain++) {
        snapshot->reading[is_certain] = (struct object_reading){is_certain != 0, may_read, snapshot};
    }
    hook_look(walk, snapshot);
    return first_error(snapshot);
}

void
snapshot_ask(struct snapshot *snapshot)
{
    asking_ask(&snapshot->asking);
    snapshot->pause_ns = os_now_ns() - snapshot->begin_ns;
}

/* --- settling --- */

/* The addresses of rows are those of the marks. */
static void
put_addresses(struct snapshot *snapshot, int plane, int number)
{
    for (size_t i = 0; i < snapshot->marks.pieces_count; i++) {
        const struct marks_piece *piece = snapshot->marks.pieces[i];
        for (size_t word = 0; word < MARK_WORDS; word++) {
            for (uint64_t bits = piece->bits[plane][word]; bits != 0; bits &= bits - 1) {
                size_t cell = word * 64 + lowest_bit(bits);
                size_t shift = piece_shift(piece, plane, cell);
                column_put_u8(column(snapshot, number), piece->address + cell * MARK_BYTES + shift);
            }
        }
    }
}

static void
flush_all(struct snapshot *snapshot)
{
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        column_flush(&snapshot->columns[i]);
    }
}

struct claim {
    uint64_t address;
    uint32_t row;
    uint32_t words;
};
static_assert(sizeof(struct claim) == 16, "put_claim writes it");

/* The first that claims a table has it. */
static void
settle_claims(struct snapshot *snapshot, uint32_t *owners, uint64_t *sizes)
{
    struct column *claims = column(snapshot, COLUMN_claims);
    struct claim claim;
    column_rewind(claims);
    while (column_take(claims, &claim, sizeof claim)) {
        uint32_t row = marks_row(&snapshot->marks, MARK_TABLE, claim.address);
        if (row != MARKS_NO_ROW && owners != NULL && owners[row] == SNAPSHOT_NONE) {
            owners[row] = claim.row;
        }
        if (row != MARKS_NO_ROW && sizes != NULL && sizes[row] == 0) {
            sizes[row] = (uint64_t)claim.words * sizeof(void *);
        }
    }
}

static void
settle_tables(struct snapshot *snapshot)
{
    size_t owners_bytes = snapshot->counts.tables * sizeof(uint32_t);
    size_t sizes_bytes = snapshot->counts.tables * sizeof(uint64_t);
    uint32_t *owners = column_load(column(snapshot, COLUMN_table_owner), owners_bytes);
    uint64_t *sizes = column_load(column(snapshot, COLUMN_table_bytes), sizes_bytes);
    if (owners != NULL) {
        memset(owners, 0xFF, owners_bytes); /* SNAPSHOT_NONE */
    }
    settle_claims(snapshot, owners, sizes);
    column_store(column(snapshot, COLUMN_table_owner), owners, owners_bytes);
    column_store(column(snapshot, COLUMN_table_bytes), sizes, sizes_bytes);
}

static void
settle_edges(struct snapshot *snapshot)
{
    struct column *edges = column(snapshot, COLUMN_edges);
    uint64_t address;
    column_rewind(edges);
    while (column_take(edges, &address, sizeof address)) {
        column_put_u4(column(snapshot, COLUMN_edge_to), marks_row(&snapshot->marks, MARK_OBJECT, address));
    }
    column_flush(column(snapshot, COLUMN_edge_to));
}

int
snapshot_settle(struct snapshot *snapshot)
{
    size_t counts[MARK_NUMBERED];
    marks_number(&snapshot->marks, counts);
    snapshot->counts.tables = counts[MARK_TABLE];
    ASSERT(counts[MARK_OBJECT] == snapshot->counts.objects);
    put_addresses(snapshot, MARK_OBJECT, COLUMN_object_address);
    put_addresses(snapshot, MARK_TABLE, COLUMN_table_address);
    flush_all(snapshot);
    if (first_error(snapshot) == 0) {
        asking_settle(&snapshot->asking, column(snapshot, COLUMN_object_bytes));
        settle_tables(snapshot);
        settle_edges(snapshot);
    }
    return first_error(snapshot);
}

bool
snapshot_has(const struct snapshot *snapshot, const void *object)
{
    return marks_has(&snapshot->marks, MARK_OBJECT, address_of(object));
}

uint32_t
snapshot_row(const struct snapshot *snapshot, const void *object)
{
    return marks_row(&snapshot->marks, MARK_OBJECT, address_of(object));
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
