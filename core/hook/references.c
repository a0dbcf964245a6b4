/* See references.h. */
#include "hook/references.h"

#include "hook/layouts.h"

static void
show(const struct references *to, PyObject *child)
{
    to->visit(to->context, child);
}

/* --- items --- */

static void
show_array(PyObject *const *items, Py_ssize_t count, const struct references *to)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        show(to, *(PyObject *const *)at_home(&items[i]));
    }
}

static void
show_list(PyObject *object, const struct references *to)
{
    const PyListObject *list = (const PyListObject *)readable(object);
    show_array(list->ob_item, list->ob_item == NULL ? 0 : Py_SIZE(list), to);
}

/* A tuple's items lie in its own block. */
static void
show_tuple(PyObject *object, const struct references *to)
{
    PyTupleObject *tuple = (PyTupleObject *)readable(object);
    for (Py_ssize_t i = 0; i < Py_SIZE(tuple); i++) {
        show(to, tuple->ob_item[i]);
    }
}

/* What was removed has left a mark of CPython's, whose hash no object has. */
static void
show_set(PyObject *object, const struct references *to)
{
    const PySetObject *set = (const PySetObject *)readable(object);
    for (Py_ssize_t i = 0; i <= set->mask; i++) {
        const setentry *entry = at_home(&set->table[i]);
        if (entry->key != NULL && entry->hash != -1) {
            show(to, entry->key);
        }
    }
}

/* Where values are in a table of their own, they stand in the order of the keys. */
static PyObject *
value_at(const PyDictObject *dict, Py_ssize_t place, PyObject *in_keys)
{
    if (dict->ma_values == NULL) {
        return in_keys;
    }
    return *(PyObject *const *)at_home(version_first_value(dict->ma_values) + place);
}

static void
show_dict(PyObject *object, const struct references *to)
{
    const PyDictObject *dict = (const PyDictObject *)readable(object);
    const void *keys = at_home(dict->ma_keys);
    PyObject *key, *value;
    for (Py_ssize_t place = 0; version_dict_place(keys, place, &key, &value); place++) {
        value = value_at(dict, place, value);
        if (value != NULL) {
            show(to, key);
            show(to, value);
        }
    }
}

/* --- what a traverse function shows --- */

static int
visit_shown(PyObject *child, void *to)
{
    show(to, child);
    return 0;
}

bool
references_is_visitor(visitproc visit)
{
    return visit == visit_shown;
}

/* The names that the instances of a class share for their attributes: the class has them. */
static void
show_shared_names(const PyTypeObject *type, const struct references *to)
{
    const struct version_dict_keys *keys = type->tp_flags & Py_TPFLAGS_HEAPTYPE ? version_cached_keys(type) : NULL;
    PyObject *name, *value;
    for (Py_ssize_t at = 0; keys != NULL && version_dict_place(keys, at, &name, &value); at++) {
        show(to, name);
    }
}

/* Of a cache the traverse function shows what is in its entries, in their place. */
static void
show_hidden(const struct object_type *known, PyObject *object, const struct references *to)
{
    PyObject *children[LAYOUT_CHILDREN_MAX];
    size_t count = known->kind == KIND_CACHE ? 0 : layout_children(readable(object), known->kind, children);
    for (size_t i = 0; i < count; i++) {
        show(to, children[i]);
    }
    if (known->kind == KIND_CACHE) {
        layout_visit_cache_entries(object, to->visit, to->context);
    }
    if (known->kind == KIND_TYPE) {
        show_shared_names((PyTypeObject *)readable(object), to);
    }
}

/* A static type's traverse function ends the process: the collector never calls it. */
static void
show_static_type(PyTypeObject *type, const struct references *to)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *names = PyType_GetDict(type);
    show(to, names);
    Py_XDECREF(names);
#else
    show(to, type->tp_dict);
#endif
    show(to, (PyObject *)type->tp_base);
    show(to, type->tp_bases);
    show(to, type->tp_mro);
}

/* It may compare its own address with what it keeps, so it is not read at its home. */
static void
traverse(const struct object_type *known, PyObject *object, traverseproc function, const struct references *to)
{
    if (objects_has_header(known, object)) {
        function(object, visit_shown, (void *)to);
    } else if (known->kind == KIND_TYPE) {
        show_static_type((PyTypeObject *)object, to);
    }
    show_hidden(known, object, to);
}

/* --- what cannot show --- */

static void
scan(const struct object_type *known, PyObject *object, const struct references *to)
{
    const uintptr_t *words = (const uintptr_t *)readable(object);
    size_t count = (size_t)known->type->tp_basicsize / sizeof *words;
    for (size_t i = sizeof(PyObject) / sizeof *words; i < count; i++) {
        to->visit_word(to->context, words[i]);
    }
}

/* --- instances of Python classes --- */

static void
show_slots(PyTypeObject *type, PyObject *object, const struct references *to)
{
    const char *read = (const char *)readable(object);
    for (; types_is_class(type); type = type->tp_base) {
        const PyMemberDef *slots = types_slots(type);
        for (Py_ssize_t i = 0; i < Py_SIZE(type); i++) {
            show(to, slots[i].type == T_OBJECT_EX ? *(PyObject *const *)(const void *)(read + slots[i].offset) : NULL);
        }
    }
}

static void
show_managed_attributes(const struct object_type *known, PyObject *object, const struct references *to)
{
    size_t count;
    PyObject *dictionary;
    PyObject *const *values = version_inline_attributes(readable(object), object, &count, &dictionary);
    if (values == NULL) {
        show(to, dictionary);
        return;
    }
    for (size_t i = 0; i < known->inline_names; i++) {
        show(to, i < count ? *(PyObject *const *)at_home(&values[i]) : NULL);
    }
}

static void
show_attributes(const struct object_type *known, PyObject *object, const struct references *to)
{
    if (known->type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        show_managed_attributes(known, object, to);
    } else if (known->type->tp_dictoffset != 0) {
        PyObject **dictionary = _PyObject_GetDictPtr(object);
        show(to, dictionary == NULL ? NULL : *dictionary);
    }
}

bool
references_has_inline_attributes(const struct object_type *known, PyObject *object)
{
    size_t count;
    PyObject *dictionary;
    return known->is_class && (known->type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
           && version_inline_attributes(readable(object), object, &count, &dictionary) != NULL;
}

/* --- */

/* As the first type does that no class statement made. */
static void
show_as_base(const struct object_type *known, PyObject *object, const struct references *to)
{
    const PyTypeObject *base = known->foreign_base;
    if (base == &PyList_Type) {
        show_list(object, to);
    } else if (base == &PyTuple_Type) {
        show_tuple(object, to);
    } else if (base == &PyDict_Type) {
        show_dict(object, to);
    } else if (base == &PySet_Type || base == &PyFrozenSet_Type) {
        show_set(object, to);
    } else if (base->tp_traverse != NULL && PyType_IS_GC((PyTypeObject *)base)) {
        traverse(known, object, base->tp_traverse, to);
    } else {
        show_hidden(known, object, to);
    }
}

void
references_show(const struct object_type *known, PyObject *object, const struct references *to)
{
    if (known->shows == SHOWS_SCAN) {
        scan(known, object, to);
        return;
    }
    if (known->is_class) {
        show(to, (PyObject *)known->type);
        show_slots(known->type, object, to);
        show_attributes(known, object, to);
    }
    if (known->shows != SHOWS_NOTHING) {
        show_as_base(known, object, to);
    }
}
