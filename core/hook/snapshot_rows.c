/* See snapshot_phases.h. */
#include "hook/snapshot_phases.h"

#include "hook/collector.h"
#include "hook/hook.h"
#include "hook/images.h"
#include "hook/references.h"

enum { ROWS_MAX = 64 /* the bits of a word of marks */ };

/* --- an object's row --- */

bool
snapshot_may_read(const void *context, const void *address, size_t size_bytes)
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

void
snapshot_put_rows(struct snapshot *snapshot, const struct marks_piece *piece, size_t first_word, size_t end_word,
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
