/* See objects.h. */
#include "hook/objects.h"

#include "base/marks.h"
#include "hook/arrays.h"
#include "hook/collector.h"
#include "hook/layouts.h"

#include <string.h>

/* --- the table of types --- */

enum { TYPES_A_PIECE = 256 };

static bool
make_room_for_piece(struct object_types *types)
{
    size_t piece = types->count / TYPES_A_PIECE;
    struct object_type **pieces = array_grown(types->pieces, piece, &types->pieces_max, sizeof *pieces);
    if (pieces == NULL) {
        return false;
    }
    types->pieces = pieces;
    if (types->count % TYPES_A_PIECE == 0) {
        types->pieces[piece] = PyMem_RawCalloc(TYPES_A_PIECE, sizeof(struct object_type));
    }
    return types->pieces[piece] != NULL;
}

static bool
make_room_for_place(struct object_types *types)
{
    if ((types->count + 1) * 4 <= types->places_count) {
        return true;
    }
    struct object_types larger = *types;
    larger.places_count = types->places_count == 0 ? 1024 : types->places_count * 2;
    larger.places = PyMem_RawCalloc(larger.places_count, sizeof *larger.places);
    if (larger.places == NULL) {
        return false;
    }
    for (size_t i = 0; i < types->count; i++) {
        struct object_type *known = objects_type_at(types, i);
        *objects_probe(&larger, known->type) = (struct object_type_place){known->type, known};
    }
    PyMem_RawFree(types->places);
    *types = larger;
    return true;
}

struct object_type *
objects_type_at(const struct object_types *types, size_t index)
{
    return &types->pieces[index / TYPES_A_PIECE][index % TYPES_A_PIECE];
}

/* --- finding out about a type --- */

/* KIND_PLAIN, which `object` has, is what is left when no base has tables or items. */
static enum kind
kind_of_layout(PyTypeObject *type)
{
    for (PyTypeObject *base = type; base != NULL; base = base->tp_base) {
        enum kind kind = types_kind(base);
        if (kind != KIND_UNKNOWN && kind != KIND_HOLDER) {
            return kind;
        }
    }
    return KIND_PLAIN;
}

static PyTypeObject *
first_foreign_base(PyTypeObject *type)
{
    while (types_is_class(type) && type->tp_base != NULL) {
        type = type->tp_base;
    }
    return type;
}

static bool
is_method_in_c(PyObject *method)
{
    return method != NULL && Py_TYPE(method) == &PyMethodDescr_Type;
}

/* The rule that a built-in type's function follows, if the type has that function. */
static enum size_rule
rule_of_kind(enum kind kind)
{
    switch (kind) {
    case KIND_NUMBER:
        return SIZE_INT;
    case KIND_STRING:
        return SIZE_STRING;
    case KIND_LIST:
        return SIZE_LIST;
    case KIND_DICT:
        return SIZE_DICT;
    case KIND_SET:
        return SIZE_SET;
    case KIND_CODE:
        return SIZE_CODE;
    default:
        return SIZE_BUFFER;
    }
}

static bool
is_built_in(const PyTypeObject *type)
{
    return type == &PyLong_Type || type == &PyUnicode_Type || type == &PyList_Type || type == &PyDict_Type
           || type == &PySet_Type || type == &PyFrozenSet_Type || type == &PyCode_Type || type == &PyByteArray_Type;
}

static void
find_size_rule(const struct object_types *types, struct object_type *known)
{
    PyObject *method = _PyType_Lookup(known->type, types->name);
    known->size_rule = SIZE_BASIC;
    if (!is_method_in_c(method)) {
        return;
    }
    const PyTypeObject *owner = PyDescr_TYPE(method);
    if (is_built_in(owner)) {
        known->size_rule = rule_of_kind(known->kind);
    } else if (owner != &PyBaseObject_Type) {
        known->size_rule = SIZE_ASKED;
        known->asked = Py_NewRef(method);
    }
}

static bool
is_shown_by_layout(const struct object_type *known)
{
    const PyTypeObject *base = known->foreign_base;
    bool has_items = base == &PyList_Type || base == &PyTuple_Type || base == &PyDict_Type || base == &PySet_Type
                  || base == &PyFrozenSet_Type;
    bool has_children = known->kind == KIND_CODE || known->kind == KIND_RANGE || known->kind == KIND_DATETIME
                     || known->kind == KIND_TIMEZONE || known->kind == KIND_CACHE_ENTRY;
    return known->is_class || has_items || has_children;
}

static bool
is_atom(enum kind kind)
{
    return kind == KIND_NUMBER || kind == KIND_STRING || kind == KIND_BYTES || kind == KIND_DECIMAL;
}

static enum shows
find_shows(const struct object_type *known)
{
    if (is_shown_by_layout(known)) {
        return SHOWS_LAYOUT;
    }
    if (known->type->tp_traverse != NULL && known->has_header) {
        return SHOWS_TRAVERSE;
    }
    return is_atom(known->kind) ? SHOWS_NOTHING : SHOWS_SCAN;
}

static bool
may_have_tables(const struct object_type *known)
{
    bool has_by_kind = known->kind == KIND_STRING || known->kind == KIND_LIST || known->kind == KIND_DICT
                    || known->kind == KIND_ORDERED_DICT || known->kind == KIND_SET || known->kind == KIND_TYPE
                    || known->kind == KIND_DECIMAL || known->kind == KIND_DEQUE;
    return has_by_kind || (known->type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
           || known->is_bytearray;
}

static bool
is_thread_local(const PyTypeObject *type)
{
    return strcmp(type->tp_name, "_thread._local") == 0 && PyType_IS_GC((PyTypeObject *)type);
}

static bool
may_have_names(const struct object_type *known)
{
    return known->kind == KIND_TYPE || known->is_thread_local || known->type->tp_dictoffset != 0
           || (known->type->tp_flags & Py_TPFLAGS_MANAGED_DICT);
}

static void
find_out(const struct object_types *types, struct object_type *known, PyTypeObject *type)
{
    known->type = (PyTypeObject *)Py_NewRef((PyObject *)type);
    known->index = (uint32_t)types->count;
    known->bytes_before = (uint32_t)version_bytes_before(type);
    known->has_header = PyType_IS_GC(type);
    known->kind = (uint8_t)kind_of_layout(type);
    known->is_class = types_is_class(type);
    known->foreign_base = first_foreign_base(type);
    const struct version_dict_keys *keys = version_cached_keys(type);
    known->inline_names = keys == NULL ? 0 : (uint32_t)keys->entries;
    known->is_bytearray = PyType_IsSubtype(type, &PyByteArray_Type) != 0;
    known->shows = (uint8_t)find_shows(known);
    known->may_have_tables = may_have_tables(known);
    known->is_thread_local = is_thread_local(known->foreign_base);
    known->may_have_names = may_have_names(known);
    known->may_be_ours = type == &PyMethodDescr_Type || known->kind == KIND_TYPE;
    find_size_rule(types, known);
    if (known->size_rule == SIZE_BASIC && type->tp_itemsize == 0 && type->tp_basicsize < UINT16_MAX) {
        known->fixed_bytes = known->bytes_before + (uint32_t)type->tp_basicsize;
    }
}

struct object_type *
objects_add_type(struct object_types *types, PyTypeObject *type)
{
    struct object_type *met = types->places_count == 0 ? NULL : objects_probe(types, type)->known;
    if (met != NULL) {
        return met;
    }
    if (!make_room_for_place(types) || !make_room_for_piece(types)) {
        types->is_short_of_memory = true;
        return NULL;
    }
    struct object_type *known = objects_type_at(types, types->count);
    find_out(types, known, type);
    *objects_probe(types, type) = (struct object_type_place){type, known};
    types->count++;
    return known;
}

bool
objects_begin(struct object_types *types)
{
    *types = (struct object_types){0};
    types->name = PyUnicode_InternFromString("__sizeof__");
    types->last = types->name == NULL ? NULL : objects_add_type(types, &PyType_Type);
    return types->last != NULL;
}

void
objects_end(struct object_types *types)
{
    for (size_t i = 0; i < types->count; i++) {
        struct object_type *known = objects_type_at(types, i);
        Py_DECREF((PyObject *)known->type);
        Py_XDECREF(known->asked);
    }
    for (size_t i = 0; i * TYPES_A_PIECE < types->count; i++) {
        PyMem_RawFree(types->pieces[i]);
    }
    PyMem_RawFree(types->pieces);
    PyMem_RawFree(types->places);
    Py_XDECREF(types->name);
    *types = (struct object_types){0};
}

/* --- an object --- */

static bool
is_static_type(const struct object_type *known, PyObject *object)
{
    return known->kind == KIND_TYPE && !(((PyTypeObject *)object)->tp_flags & Py_TPFLAGS_HEAPTYPE);
}

bool
objects_has_header(const struct object_type *known, PyObject *object)
{
    return known->has_header && !is_static_type(known, readable(object));
}

bool
objects_is_tracked(const struct object_type *known, PyObject *object)
{
    return objects_has_header(known, object) && collector_tracks(readable(object));
}

static uint32_t
times_asked(const struct object_types *types, PyObject *object)
{
    uint32_t count = 0;
    for (size_t i = 0; i < types->count; i++) {
        count += objects_type_at(types, i)->asked == object;
    }
    return count;
}

/* Few descriptors have the name of those that are asked for sizes, and many types are: so it is compared first. */
uint32_t
objects_count_of_ours(const struct object_types *types, const struct object_type *known, PyObject *object)
{
    if (known->type == &PyMethodDescr_Type) {
        return PyDescr_NAME(readable(object)) == types->name ? times_asked(types, object) : 0;
    }
    return known->kind == KIND_TYPE && objects_find_type(types, (PyTypeObject *)object) != NULL;
}

/* --- namespaces --- */

struct namespaces {
    void (*visit)(void *context, PyObject *dict);
    void *context;
};

static void
visit_namespace(const struct namespaces *to, PyObject *dict)
{
    if (dict != NULL && PyDict_Check(readable(dict))) {
        to->visit(to->context, dict);
    }
}

static void
visit_namespace_of_type(PyTypeObject *type, const struct namespaces *to)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *names = PyType_GetDict(type);
    visit_namespace(to, names);
    Py_XDECREF(names);
#else
    visit_namespace(to, type->tp_dict);
#endif
}

/* A threading.local shows a dictionary whose values are those of its threads; and arguments by name, in another one. */
static int
visit_threads(PyObject *shown, void *to)
{
    PyObject *read = readable(shown);
    if (!PyDict_CheckExact(read)) {
        return 0;
    }
    const void *keys = at_home(((const PyDictObject *)read)->ma_keys);
    PyObject *key, *value;
    for (Py_ssize_t at = 0; version_dict_place(keys, at, &key, &value); at++) {
        if (key != NULL && !PyUnicode_Check(readable(key))) {
            visit_namespace(to, value);
        }
    }
    return 0;
}

void
objects_visit_namespaces(const struct object_type *known, PyObject *object,
                         void (*visit)(void *context, PyObject *dict), void *context)
{
    struct namespaces to = {visit, context};
    size_t count;
    PyObject *dict = NULL;
    if (known->kind == KIND_TYPE) {
        visit_namespace_of_type((PyTypeObject *)object, &to);
    } else if (known->type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        version_inline_attributes(readable(object), object, &count, &dict);
        visit_namespace(&to, dict);
    } else if (known->type->tp_dictoffset != 0) {
        PyObject **place = _PyObject_GetDictPtr(object);
        visit_namespace(&to, place == NULL ? NULL : *place);
    }
    if (known->is_thread_local) {
        known->foreign_base->tp_traverse(object, visit_threads, &to);
    }
}

/* --- sizes --- */

/* Of what only looks like an object a count may be anything: one that is too large for a size makes the largest, which
 * nothing has room for. */
static size_t
with_items(size_t basic_bytes, size_t count, size_t item_bytes)
{
    size_t size_bytes;
    bool is_too_large = __builtin_mul_overflow(count, item_bytes, &size_bytes)
                     || __builtin_add_overflow(size_bytes, basic_bytes, &size_bytes);
    return is_too_large ? SIZE_MAX : size_bytes;
}

static size_t
string_bytes(PyObject *object)
{
    size_t length = (size_t)PyUnicode_GET_LENGTH(object), kind = (size_t)PyUnicode_KIND(object);
    if (!PyUnicode_IS_COMPACT(object)) {
        return sizeof(PyUnicodeObject);
    }
    return PyUnicode_IS_ASCII(object) ? with_items(sizeof(PyASCIIObject) + 1, length, 1)
                                      : with_items(sizeof(PyCompactUnicodeObject) + kind, length, kind);
}

static size_t
int_bytes(PyObject *object)
{
    return with_items(offsetof(PyLongObject, VERSION_FIRST_DIGIT), version_int_digits(object), sizeof(digit));
}

static size_t
basic_bytes(const PyTypeObject *type, PyObject *object)
{
    size_t items = 0;
    if (type->tp_itemsize > 0) {
        Py_ssize_t size = ((PyVarObject *)object)->ob_size;
        items = size < 0 ? 0 - (size_t)size : (size_t)size;
    }
    return with_items((size_t)type->tp_basicsize, items, (size_t)type->tp_itemsize);
}

size_t
objects_own_bytes(const struct object_type *known, PyObject *object)
{
    object = readable(object);
    switch (known->kind) {
    case KIND_STRING:
        return string_bytes(object);
    case KIND_NUMBER:
        return known->size_rule == SIZE_INT ? int_bytes(object) : basic_bytes(known->type, object);
    default:
        return basic_bytes(known->type, object);
    }
}

static bool
may_read(const struct object_reading *reading, const void *address, size_t size_bytes)
{
    return reading->is_certain || reading->may_read(reading->context, address, size_bytes);
}

static size_t
believed(const struct object_reading *reading, const void *table, size_t size_bytes)
{
    return table != NULL && may_read(reading, table, size_bytes) ? size_bytes : 0;
}

/* Of the texts that a string keeps in blocks of their own. */
static size_t
string_table_bytes(PyObject *object, const struct object_reading *reading)
{
    const PyCompactUnicodeObject *compact = (const PyCompactUnicodeObject *)object;
    if (PyUnicode_IS_COMPACT(object) && PyUnicode_IS_ASCII(object)) {
        return 0;
    }
    const void *data = PyUnicode_IS_COMPACT(object) ? NULL : ((PyUnicodeObject *)object)->data.any;
    size_t kind = (size_t)PyUnicode_KIND(object);
    size_t size_bytes = believed(reading, data, with_items(kind, (size_t)PyUnicode_GET_LENGTH(object), kind));
    if ((const void *)compact->utf8 != data) {
        size_bytes += believed(reading, compact->utf8, with_items(1, (size_t)compact->utf8_length, 1));
    }
    return size_bytes;
}

static size_t
dict_table_bytes(PyObject *object, const struct object_reading *reading)
{
    const PyDictObject *dict = (const PyDictObject *)object;
    const struct version_dict_keys *keys = at_home(dict->ma_keys);
    if (keys == NULL || !may_read(reading, dict->ma_keys, sizeof *keys)) {
        return 0;
    }
    size_t values = dict->ma_values == NULL ? 0 : version_shared_values_count(keys) * sizeof(PyObject *);
    size_t keys_bytes = keys->references == 1 ? version_dict_keys_bytes(keys) : 0;
    return values + believed(reading, dict->ma_keys, keys_bytes);
}

static size_t
list_table_bytes(const PyListObject *list, const struct object_reading *reading)
{
    return believed(reading, list->ob_item, with_items(0, (size_t)list->allocated, sizeof(PyObject *)));
}

static size_t
set_table_bytes(const PySetObject *set, const PyObject *object, const struct object_reading *reading)
{
    bool is_inside = (uintptr_t)set->table - (uintptr_t)object < sizeof *set;
    return is_inside ? 0 : believed(reading, set->table, with_items(sizeof(setentry), (size_t)set->mask, sizeof(setentry)));
}

static size_t
buffer_bytes(const PyByteArrayObject *array, const struct object_reading *reading)
{
    if (array->ob_alloc == 0) {
        return 0;
    }
    size_t size_bytes = with_items(VERSION_BUFFER_BYTES_BEFORE + VERSION_BUFFER_BYTES_BEHIND, (size_t)array->ob_alloc, 1);
    return believed(reading, array->ob_bytes - VERSION_BUFFER_BYTES_BEFORE, size_bytes);
}

static size_t
table_bytes(const struct object_type *known, PyObject *object, const struct object_reading *reading)
{
    PyObject *read = readable(object);
    switch (known->size_rule) {
    case SIZE_STRING:
        return string_table_bytes(read, reading);
    case SIZE_LIST:
        return list_table_bytes((PyListObject *)read, reading);
    case SIZE_DICT:
        return dict_table_bytes(read, reading);
    case SIZE_SET:
        return set_table_bytes((PySetObject *)read, object, reading);
    case SIZE_BUFFER:
        return buffer_bytes((PyByteArrayObject *)read, reading);
    case SIZE_CODE:
        return align_up(basic_bytes(known->type, read), sizeof(void *)) - basic_bytes(known->type, read);
    default:
        return 0;
    }
}

/* Strings that are in one piece and short of a second text, and numbers: most of what varies. */
static size_t
simple_bytes(const struct object_type *known, PyObject *object)
{
    if (known->size_rule == SIZE_INT) {
        return int_bytes(object);
    }
    return known->size_rule == SIZE_STRING && PyUnicode_IS_COMPACT_ASCII(object) ? string_bytes(object) : 0;
}

static size_t
counted_bytes_before(const struct object_type *known, PyObject *object)
{
    return VERSION_SIZE_HAS_HEADER_OF_TYPE || !is_static_type(known, readable(object)) ? known->bytes_before : 0;
}

size_t
objects_varying_bytes(const struct object_type *known, PyObject *object, const struct object_reading *reading)
{
    size_t before = counted_bytes_before(known, object);
    size_t simple = simple_bytes(known, readable(object));
    if (simple != 0) {
        return before + simple;
    }
    return before + objects_own_bytes(known, object) + table_bytes(known, object, reading);
}

/* The answer is an integer, or there is none. */
size_t
objects_asked_bytes(const struct object_type *known, PyObject *object)
{
    PyObject *answer = PyObject_CallOneArg(known->asked, object);
    size_t size_bytes = answer != NULL && PyLong_Check(answer) ? PyLong_AsSize_t(answer) : (size_t)-1;
    Py_XDECREF(answer);
    PyErr_Clear();
    size_bytes = size_bytes != (size_t)-1 ? size_bytes : basic_bytes(known->type, object);
    return counted_bytes_before(known, object) + size_bytes;
}

/* --- by its looks --- */

/* What the collector does not track has no neighbour in its lists. */
static bool
looks_untracked(const struct object_type *known, const char *object)
{
    return !known->has_header || !collector_tracks((PyObject *)object);
}

/* The words in which its size stands lie in the block: no type's size stands behind what its smallest object has. */
static bool
fits(const struct object_type *known, char *object, size_t room_bytes)
{
    size_t basic = known->kind == KIND_STRING ? sizeof(PyASCIIObject) : (size_t)known->type->tp_basicsize;
    if (known->kind == KIND_NUMBER) {
        basic = sizeof(PyObject) + sizeof(void *);
    }
    return basic <= room_bytes && objects_own_bytes(known, (PyObject *)object) <= room_bytes;
}

/* A table of types has one in its first word, which a program that is not loaded far up may put where it looks like a
 * count. */
static bool
looks_like_object(const struct object_types *types, const char *at, struct object_type **known)
{
    uint64_t count;
    const PyTypeObject *type;
    copy_past_marks(&count, at, sizeof count);
    copy_past_marks(&type, at + sizeof count, sizeof type);
    if (!version_is_plausible_count(count) || (uintptr_t)type % sizeof(void *) != 0 || type == NULL) {
        return false;
    }
    *known = objects_find_type(types, type);
    return *known != NULL && objects_find_type(types, (const PyTypeObject *)(uintptr_t)count) == NULL;
}

PyObject *
objects_look_at(const struct object_types *types, char *block, size_t block_bytes)
{
    const char *read = at_home(block);
    enum { BEFORE_STEP = 16, BEFORE_MAX = 32 };
    for (size_t before = 0; before <= BEFORE_MAX && before + sizeof(PyObject) <= block_bytes; before += BEFORE_STEP) {
        struct object_type *known;
        bool is_one = looks_like_object(types, read + before, &known) && known->bytes_before == before
                   && looks_untracked(known, read + before) && fits(known, block + before, block_bytes - before);
        if (is_one) {
            return (PyObject *)(void *)(block + before);
        }
    }
    return NULL;
}

/* --- tables --- */

static bool
has_dict_layout(const struct object_type *known)
{
    return known->kind == KIND_DICT || known->kind == KIND_ORDERED_DICT;
}

/* Keys that dictionaries share belong to the type, whose instances' they are. */
static bool
is_shared_keys(const struct object_type *known, PyObject *read, const void *table)
{
    const PyDictObject *dict = (const PyDictObject *)read;
    return has_dict_layout(known) && dict->ma_values != NULL && table == (const void *)dict->ma_keys;
}

static bool
lies_in(const struct object_type *known, PyObject *object, const void *table)
{
    return (uintptr_t)table - (uintptr_t)object < (uintptr_t)known->type->tp_basicsize;
}

/* Those that are found only by going along the object: a deque's blocks, the nodes of an ordered dictionary. */
static void
visit_chain(const struct object_type *known, PyObject *object,
            void (*visit)(void *context, struct object_table table), void *context)
{
    struct layout_walk walk = {.object = object, .kind = known->kind};
    struct layout_items items;
    const void *last = NULL;
    while (layout_next(&walk, &items)) {
        if (items.table != NULL && items.table != last) {
            visit(context, (struct object_table){items.table, false});
            last = items.table;
        }
    }
}

/* Since 3.15 the buffer is an object, and a row of its own. */
static void
visit_buffer(const PyByteArrayObject *array, void (*visit)(void *context, struct object_table table), void *context)
{
    if (VERSION_BUFFER_BYTES_BEFORE == 0 && array->ob_bytes != NULL) {
        visit(context, (struct object_table){array->ob_bytes, false});
    }
}

/* Items, elements, keys and texts are given by where they begin; values are not. */
static bool
is_first_at_start(const struct object_type *known)
{
    return known->kind == KIND_LIST || known->kind == KIND_SET || known->kind == KIND_STRING || has_dict_layout(known);
}

/* To know whether a dictionary's values are its own they are read. */
static bool
tells_tables(const struct object_type *known, PyObject *read, const struct object_reading *reading)
{
    const PyDictObject *dict = (const PyDictObject *)read;
    bool are_read = VERSION_VALUES_ARE_READ && has_dict_layout(known) && dict->ma_values != NULL;
    return !are_read || may_read(reading, dict->ma_values, sizeof(PyObject *));
}

void
objects_visit_tables(const struct object_type *known, PyObject *object, const struct object_reading *reading,
                     void (*visit)(void *context, struct object_table table), void *context)
{
    PyObject *read = readable(object);
    if (!tells_tables(known, read, reading)) {
        return;
    }
    const void *tables[LAYOUT_TABLES_MAX];
    size_t count = layout_tables(read, known->kind, tables);
    for (size_t i = 0; i < count; i++) {
        if (tables[i] != NULL && !lies_in(known, object, tables[i]) && !is_shared_keys(known, read, tables[i])) {
            bool begins = i == 0 && is_first_at_start(known);
            visit(context, (struct object_table){tables[i], !begins});
        }
    }
    if (reading->is_certain && (known->kind == KIND_DEQUE || known->kind == KIND_ORDERED_DICT)) {
        visit_chain(known, object, visit, context);
    }
    if (known->is_bytearray) {
        visit_buffer((const PyByteArrayObject *)read, visit, context);
    }
}

size_t
objects_table_bytes(const struct object_type *known, PyObject *object, const void *table)
{
    PyObject *read = readable(object);
    const PyDictObject *dict = (const PyDictObject *)read;
    if (known->is_bytearray) {
        return (size_t)((const PyByteArrayObject *)read)->ob_alloc;
    }
    switch (known->kind) {
    case KIND_LIST:
        return (size_t)((PyListObject *)read)->allocated * sizeof(PyObject *);
    case KIND_SET:
        return ((size_t)((PySetObject *)read)->mask + 1) * sizeof(setentry);
    case KIND_DICT:
    case KIND_ORDERED_DICT:
        return table == (const void *)dict->ma_keys ? version_dict_keys_bytes(at_home(table)) : 0;
    default:
        return 0;
    }
}
