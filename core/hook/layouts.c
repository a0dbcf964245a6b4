/* See layouts.h. The structs of ours are CPython's own affair and the same from 3.11 to 3.15; types.c demands that the
 * type's size is theirs, and tests/process/test_proof.py that their tables are found.
 */
#include "hook/layouts.h"
#include "hook/homes.h"

#include <datetime.h>

/* --- structs that no header has --- */

enum { DEQUE_BLOCK_ITEMS = 64, DEQUE_SPARE_BLOCKS = 16 };

struct deque_block {
    const struct deque_block *left;
    PyObject *items[DEQUE_BLOCK_ITEMS];
    const struct deque_block *right;
};

struct deque {
    PyVarObject head;
    const struct deque_block *left_block;
    const struct deque_block *right_block;
    Py_ssize_t left_index;
    Py_ssize_t right_index;
    size_t state;
    Py_ssize_t length_max;
    Py_ssize_t spare_count;
    const struct deque_block *spare[DEQUE_SPARE_BLOCKS];
    PyObject *weakrefs;
};

struct ordered_dict {
    PyDictObject dict;
    const void *first;
    const void *last;
    const void *const *nodes; /* as many as the dictionary's keys had room for when it was made */
    Py_ssize_t nodes_count;
    const void *keys_then; /* the dictionary's keys at that time */
    size_t state;
    PyObject *attributes;
    PyObject *weakrefs;
};

struct range {
    PyObject head;
    PyObject *numbers[4]; /* start, stop, step, length */
};

struct decimal {
    PyObject head;
    Py_hash_t hash;
    uint8_t flags;
    Py_ssize_t counts[4];
    const void *digits; /* often in the object itself */
    size_t own_digits[4];
};

struct time_zone {
    PyObject head;
    PyObject *offset;
    PyObject *name;
};

struct cache_entry {
    PyObject head;
    const struct cache_entry *previous;
    const struct cache_entry *next;
    Py_hash_t hash;
    PyObject *key;
    PyObject *result;
};

struct cache {
    struct cache_entry root;
    void *wrapper;
    int is_typed;
    PyObject *entries; /* a dictionary; of results, where it is not bounded */
    Py_ssize_t hits;
    PyObject *function;
    Py_ssize_t entries_max;
    Py_ssize_t misses;
    PyObject *mark;
    PyObject *entry_type;
    PyObject *info_type;
    PyObject *attributes;
    PyObject *weakrefs;
};

static_assert(sizeof(struct cache_entry) == 56, "types.c demands it");
static_assert(sizeof(struct cache) == 152, "types.c demands it");
static_assert(sizeof(struct deque) == 216, "types.c demands it");
static_assert(sizeof(struct time_zone) == 32, "types.c demands it");
static_assert(sizeof(PyDateTime_DateTime) == 48, "types.c demands it");
static_assert(sizeof(struct ordered_dict) == 112, "types.c demands it");
static_assert(sizeof(struct decimal) == 104, "types.c demands it");

size_t
layout_object_bytes(PyObject *object)
{
    const PyTypeObject *type = Py_TYPE(object);
    if (type->tp_itemsize != 0 || !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 0;
    }
    return version_bytes_before(type) + (size_t)type->tp_basicsize + version_inline_values_bytes(object);
}

/* --- tables --- */

static size_t
string_tables(PyObject *object, const void **tables)
{
    if (PyUnicode_IS_COMPACT(object)) {
        tables[0] = PyUnicode_IS_ASCII(object) ? NULL : ((PyCompactUnicodeObject *)object)->utf8;
        return 1;
    }
    tables[0] = ((PyCompactUnicodeObject *)object)->utf8;
    tables[1] = ((PyUnicodeObject *)object)->data.any;
    return 2;
}

static size_t
dict_tables(PyObject *object, const void **tables)
{
    tables[0] = ((PyDictObject *)object)->ma_keys;
    tables[1] = version_dict_values(object);
    return 2;
}

static size_t
type_tables(PyObject *object, const void **tables)
{
    const PyTypeObject *type = (PyTypeObject *)object;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 0;
    }
    tables[0] = ((const PyHeapTypeObject *)type)->ht_cached_keys;
    tables[1] = ((const PyHeapTypeObject *)type)->_ht_tpname;
    tables[2] = type->tp_doc;
    return 3;
}

static size_t
spare_blocks(PyObject *object, const void **tables)
{
    const struct deque *deque = (const struct deque *)object;
    size_t count = 0;
    for (; count < DEQUE_SPARE_BLOCKS && (Py_ssize_t)count < deque->spare_count; count++) {
        tables[count] = deque->spare[count];
    }
    return count;
}

static size_t
tables_of_kind(PyObject *object, enum kind kind, const void **tables)
{
    switch (kind) {
    case KIND_STRING:
        return string_tables(object, tables);
    case KIND_LIST:
        tables[0] = ((PyListObject *)object)->ob_item;
        return 1;
    case KIND_DICT:
        return dict_tables(object, tables);
    case KIND_ORDERED_DICT:
        tables[2] = ((const struct ordered_dict *)object)->nodes;
        return dict_tables(object, tables) + 1;
    case KIND_SET:
        tables[0] = ((PySetObject *)object)->table;
        return 1;
    case KIND_TYPE:
        return type_tables(object, tables);
    case KIND_DECIMAL:
        tables[0] = ((const struct decimal *)object)->digits;
        return 1;
    case KIND_DEQUE:
        return spare_blocks(object, tables);
    default:
        return 0;
    }
}

size_t
layout_tables(PyObject *object, enum kind kind, const void *tables[LAYOUT_TABLES_MAX])
{
    static_assert((int)LAYOUT_TABLES_MAX > (int)DEQUE_SPARE_BLOCKS, "and one for attributes");
    size_t count = tables_of_kind(object, kind, tables);
    if (Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        tables[count++] = version_detached_values(object);
    }
    return count;
}

/* --- children that nothing else shows --- */

static size_t
code_children(PyObject *object, PyObject **children)
{
    const PyCodeObject *code = (const PyCodeObject *)object;
    PyObject *const all[] = {code->co_consts,           code->co_names,    code->co_exceptiontable,  code->co_filename,
                             code->co_name,             code->co_qualname, code->co_linetable,
                             code->co_localsplusnames,  code->co_localspluskinds};
    size_t count = sizeof all / sizeof all[0];
    static_assert(sizeof all / sizeof all[0] <= LAYOUT_CHILDREN_MAX, "they fit");
    for (size_t i = 0; i < count; i++) {
        children[i] = all[i];
    }
    return count;
}

static size_t
datetime_children(PyObject *object, PyObject **children)
{
    const PyDateTime_DateTime *date = (const PyDateTime_DateTime *)object;
    children[0] = date->hastzinfo ? date->tzinfo : NULL;
    return 1;
}

static size_t
timezone_children(PyObject *object, PyObject **children)
{
    children[0] = ((const struct time_zone *)object)->offset;
    children[1] = ((const struct time_zone *)object)->name;
    return 2;
}

static size_t
type_children(PyObject *object, PyObject **children)
{
    const PyHeapTypeObject *type = (const PyHeapTypeObject *)object;
    if (!(type->ht_type.tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 0;
    }
    children[0] = type->ht_name;
    children[1] = type->ht_qualname;
    children[2] = type->ht_slots;
    return 3;
}

static size_t
cache_children(PyObject *object, PyObject **children)
{
    const struct cache *cache = (const struct cache *)object;
    children[0] = cache->entries;
    children[1] = cache->function;
    children[2] = cache->mark;
    children[3] = cache->attributes;
    return 4;
}

void
layout_visit_cache_entries(PyObject *object, void (*visit)(void *context, PyObject *entry), void *context)
{
    const struct cache_entry *entry = ((const struct cache *)at_home(object))->root.next;
    while (entry != NULL && (const void *)entry != (const void *)object) {
        visit(context, (PyObject *)entry);
        entry = ((const struct cache_entry *)at_home(entry))->next;
    }
}

static size_t
cache_entry_children(PyObject *object, PyObject **children)
{
    children[0] = ((const struct cache_entry *)object)->key;
    children[1] = ((const struct cache_entry *)object)->result;
    return 2;
}

size_t
layout_children(PyObject *object, enum kind kind, PyObject *children[LAYOUT_CHILDREN_MAX])
{
    switch (kind) {
    case KIND_TYPE:
        return type_children(object, children);
    case KIND_CODE:
        return code_children(object, children);
    case KIND_RANGE:
        memcpy(children, ((const struct range *)object)->numbers, sizeof((const struct range *)object)->numbers);
        return 4;
    case KIND_DATETIME:
        return datetime_children(object, children);
    case KIND_TIMEZONE:
        return timezone_children(object, children);
    case KIND_CACHE:
        return cache_children(object, children);
    case KIND_CACHE_ENTRY:
        return cache_entry_children(object, children);
    default:
        return 0;
    }
}

/* --- items --- */

bool
layout_has_items(enum kind kind)
{
    return kind == KIND_LIST || kind == KIND_TUPLE || kind == KIND_DICT || kind == KIND_SET || kind == KIND_DEQUE
           || kind == KIND_ORDERED_DICT;
}

static bool
next_in_list(struct layout_walk *walk, struct layout_items *items)
{
    const PyListObject *list = at_home(walk->object);
    if (list->ob_item == NULL || walk->position >= Py_SIZE(list)) {
        return false;
    }
    items->first = *(PyObject *const *)at_home(&list->ob_item[walk->position++]);
    return true;
}

static bool
next_in_tuple(struct layout_walk *walk, struct layout_items *items)
{
    const PyTupleObject *tuple = at_home(walk->object);
    if (walk->position >= Py_SIZE(tuple)) {
        return false;
    }
    items->first = tuple->ob_item[walk->position++];
    return true;
}

/* A place may be unused, and what was there before may have left a mark: CPython's own, which is in no heap. */
static bool
next_in_set(struct layout_walk *walk, struct layout_items *items)
{
    const PySetObject *set = at_home(walk->object);
    if (walk->position > set->mask) {
        return false;
    }
    const setentry *entry = at_home(&set->table[walk->position++]);
    items->first = entry->key;
    return true;
}

/* The nodes that keep the order, in a table of their own. It is not in force when the keys have moved since. */
static bool
next_node(struct layout_walk *walk, struct layout_items *items)
{
    const struct ordered_dict *dict = at_home(walk->object);
    Py_ssize_t index = -1 - walk->position;
    if (dict->nodes == NULL || dict->keys_then != dict->dict.ma_keys || index >= dict->nodes_count) {
        return false;
    }
    items->table = *(const void *const *)at_home(&dict->nodes[index]);
    walk->position--;
    return true;
}

/* PyDict_Next goes by all unused places at once, however many. */
static bool
next_in_table(struct layout_walk *walk, struct layout_items *items, const void *table)
{
    while (version_dict_place(table, walk->position, &items->first, &items->second)) {
        walk->position++;
        if (items->second != NULL) {
            return true;
        }
        items->first = NULL;
        if (++items->passed == LAYOUT_PASSED_MAX) {
            return true;
        }
    }
    return false;
}

/* Where the values are in a table of their own there are few places. */
static bool
next_item(struct layout_walk *walk, struct layout_items *items)
{
    const PyDictObject *dict = at_home(walk->object);
    if (dict->ma_values == NULL) {
        return next_in_table(walk, items, at_home(dict->ma_keys));
    }
    return PyDict_Next(walk->object, &walk->position, &items->first, &items->second);
}

/* Positions of an ordered one's nodes are negative. */
static bool
next_in_dict(struct layout_walk *walk, struct layout_items *items)
{
    if (walk->position >= 0 && next_item(walk, items)) {
        return true;
    }
    if (walk->kind != KIND_ORDERED_DICT) {
        return false;
    }
    if (walk->position >= 0) {
        walk->position = -1;
    }
    return next_node(walk, items);
}

/* The block in which the walk stands, by going there from the nearer end. What is too far from both is left out: then the
 * walk stands as far from the right end as can be gone. */
static const struct deque_block *
find_deque_block(struct layout_walk *walk, struct layout_items *items)
{
    const struct deque *deque = (const struct deque *)walk->object;
    Py_ssize_t last = (deque->left_index + Py_SIZE(deque) - 1) / DEQUE_BLOCK_ITEMS;
    Py_ssize_t from_left = (deque->left_index + walk->position) / DEQUE_BLOCK_ITEMS;
    const struct deque_block *block = deque->left_block;
    if (from_left <= LAYOUT_PASSED_MAX) {
        for (Py_ssize_t at = 0; at < from_left; at++) {
            block = block->right;
        }
        items->passed = (size_t)from_left;
        return block;
    }
    if (last - from_left > LAYOUT_PASSED_MAX) {
        from_left = last - LAYOUT_PASSED_MAX;
        walk->position = from_left * DEQUE_BLOCK_ITEMS - deque->left_index;
    }
    block = deque->right_block;
    for (Py_ssize_t at = last; at > from_left; at--) {
        block = block->left;
    }
    items->passed = (size_t)(last - from_left);
    return block;
}

static bool
next_in_deque(struct layout_walk *walk, struct layout_items *items)
{
    const struct deque *deque = (const struct deque *)walk->object;
    if (walk->position >= Py_SIZE(deque)) {
        items->table = deque->right_block; /* all that an empty one has */
        return walk->position++ == Py_SIZE(deque);
    }
    const struct deque_block *block = walk->at;
    if (block == NULL) {
        block = find_deque_block(walk, items);
    }
    Py_ssize_t place = (deque->left_index + walk->position) % DEQUE_BLOCK_ITEMS;
    items->first = block->items[place];
    items->table = block;
    walk->at = place == DEQUE_BLOCK_ITEMS - 1 ? block->right : block;
    walk->position++;
    return true;
}

bool
layout_next(struct layout_walk *walk, struct layout_items *items)
{
    *items = (struct layout_items){0};
    switch (walk->kind) {
    case KIND_LIST:
        return next_in_list(walk, items);
    case KIND_TUPLE:
        return next_in_tuple(walk, items);
    case KIND_SET:
        return next_in_set(walk, items);
    case KIND_DICT:
    case KIND_ORDERED_DICT:
        return next_in_dict(walk, items);
    case KIND_DEQUE:
        return next_in_deque(walk, items);
    default:
        return false;
    }
}
