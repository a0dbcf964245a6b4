/* See snapshot_phases.h. */
#include "hook/snapshot_phases.h"

#include "hook/arrays.h"
#include "hook/collector.h"
#include "hook/references.h"

/* Untracked objects show each other in depth, as far as a thread's stack surely reaches. */
enum { DEPTH_MAX = 64 };

/* --- tables --- */

/* Whether it was not marked before. */
static bool
mark(struct snapshot *snapshot, int plane, const void *address)
{
    struct marks_piece *piece = piece_for(snapshot, address_of(address));
    return piece != NULL && piece_mark(piece, plane, address_of(address));
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

/* --- objects --- */

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

void
snapshot_mark(struct snapshot *snapshot)
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
