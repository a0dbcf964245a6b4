/* See types.h. */
#include "hook/types.h"

#include "hook/layouts.h"

#include <string.h>

/* --- the reviewed types --- */

struct reviewed {
    PyTypeObject *type; /* NULL: an unused place */
    enum kind kind;
};

enum { PLACES = 2048 }; /* a power of two, several times as many as there are reviewed types */

static struct reviewed places[PLACES];
static PyObject *held; /* so that none of them goes while the table stands */

/* What a class statement gives every class. */
static struct {
    destructor dealloc;
    traverseproc traverse;
    allocfunc alloc;
} of_classes;

/* What all struct sequences have, as the one has that the interpreter knows itself by. */
static destructor struct_sequence_dealloc;

static size_t
place_of(const PyTypeObject *type)
{
    return (size_t)(((uintptr_t)type * UINT64_C(0x9E3779B97F4A7C15)) >> 40);
}

static struct reviewed *
probe(const PyTypeObject *type)
{
    size_t place = place_of(type) % PLACES;
    while (places[place].type != NULL && places[place].type != type) {
        place = (place + 1) % PLACES;
    }
    return &places[place];
}

static void
add(PyTypeObject *type, enum kind kind)
{
    *probe(type) = (struct reviewed){type, kind};
}

static void
add_built_in(void)
{
    add(&PyBaseObject_Type, KIND_PLAIN);
    add(&PyLong_Type, KIND_NUMBER);
    add(&PyBool_Type, KIND_NUMBER);
    add(&PyFloat_Type, KIND_NUMBER);
    add(&PyComplex_Type, KIND_NUMBER);
    add(&PyUnicode_Type, KIND_STRING);
    add(&PyBytes_Type, KIND_BYTES);
    add(&PyList_Type, KIND_LIST);
    add(&PyTuple_Type, KIND_TUPLE);
    add(&PyDict_Type, KIND_DICT);
    add(&PySet_Type, KIND_SET);
    add(&PyFrozenSet_Type, KIND_SET);
    add(&PyType_Type, KIND_TYPE);
    add(&PyCode_Type, KIND_CODE);
    add(&PyRange_Type, KIND_RANGE);
#if PY_VERSION_HEX >= 0x030F0000
    add(&PyFrozenDict_Type, KIND_DICT);
#endif
}

/* The layouts that Python gives by name. Where a layout is a struct of ours, its size is the type's. */
static const struct {
    const char *name;
    enum kind kind;
    Py_ssize_t basic_bytes; /* 0: any */
} layouts[] = {
    {"plain", KIND_PLAIN, 0},
    {"holder", KIND_HOLDER, 0},
    {"dict", KIND_DICT, 0},
    {"datetime", KIND_DATETIME, 48},
    {"timezone", KIND_TIMEZONE, 32},
    {"decimal", KIND_DECIMAL, 104},
    {"deque", KIND_DEQUE, 216},
    {"ordered", KIND_ORDERED_DICT, 112},
    {"cache", KIND_CACHE, 152},
    {"cache entry", KIND_CACHE_ENTRY, 56},
};

/* Under the name of a type of C there may stand a class of Python: the rule for classes decides about it. */
bool
types_is_class(const PyTypeObject *type)
{
    return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dealloc == of_classes.dealloc;
}

static bool
add_named(PyTypeObject *type, const char *layout)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (strcmp(layouts[i].name, layout) == 0) {
            bool fits = layouts[i].basic_bytes == 0 || layouts[i].basic_bytes == type->tp_basicsize;
            if (fits && !types_is_class(type) && probe(type)->type == NULL) {
                add(type, layouts[i].kind);
            }
            return true;
        }
    }
    PyErr_Format(PyExc_ValueError, "no such layout: %s", layout);
    return false;
}

/* The class lives for ever: one made for each pass would be garbage that only the collector frees. */
static bool
look_at_a_class(void)
{
    static PyTypeObject *sample;
    if (sample == NULL) {
        sample = (PyTypeObject *)PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}", "Sample");
    }
    if (sample == NULL) {
        return false;
    }
    of_classes.dealloc = sample->tp_dealloc;
    of_classes.traverse = sample->tp_traverse;
    of_classes.alloc = sample->tp_alloc;
    return true;
}

static void
look_at_a_struct_sequence(void)
{
    PyObject *flags = PySys_GetObject("flags");
    if (flags != NULL && PyTuple_Check(flags) && !PyTuple_CheckExact(flags)) {
        struct_sequence_dealloc = Py_TYPE(flags)->tp_dealloc;
    }
}

static bool
add_all_named(PyObject *types)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); i++) {
        PyObject *pair = PyTuple_GET_ITEM(types, i);
        PyTypeObject *type;
        const char *layout;
        if (!PyTuple_Check(pair)) {
            PyErr_SetString(PyExc_TypeError, "the reviewed types are given as pairs: a type, and its layout");
            return false;
        }
        if (!PyArg_ParseTuple(pair, "O!s", &PyType_Type, &type, &layout) || !add_named(type, layout)) {
            return false;
        }
    }
    return true;
}

bool
types_review(PyObject *reviewed)
{
    PyObject *types = PySequence_Tuple(reviewed);
    if (types == NULL) {
        return false;
    }
    if (PyTuple_GET_SIZE(types) > PLACES / 4) {
        Py_DECREF(types);
        PyErr_SetString(PyExc_ValueError, "too many reviewed types");
        return false;
    }
    types_forget();
    held = types;
    look_at_a_struct_sequence();
    if (!look_at_a_class()) {
        return false;
    }
    add_built_in();
    return add_all_named(types);
}

void
types_forget(void)
{
    memset(places, 0, sizeof places);
    Py_CLEAR(held);
}

/* --- the rule for classes --- */

const PyMemberDef *
types_slots(const PyTypeObject *type)
{
    return (const PyMemberDef *)((const char *)type + Py_TYPE(type)->tp_basicsize);
}

/* Its slots, one behind the other where the base ends, and no other members: each holds a reference. */
static bool
slots_are_references(PyTypeObject *type)
{
    const PyMemberDef *members = types_slots(type);
    Py_ssize_t offset = type->tp_base->tp_basicsize;
    for (Py_ssize_t i = 0; i < Py_SIZE(type); i++, offset += (Py_ssize_t)sizeof(PyObject *)) {
        if (members[i].type != T_OBJECT_EX || members[i].offset != offset) {
            return false;
        }
    }
    return true;
}

static bool
adds_dict_word(const PyTypeObject *type)
{
    return type->tp_dictoffset != 0 && type->tp_base->tp_dictoffset == 0 && !(type->tp_flags & Py_TPFLAGS_MANAGED_DICT);
}

static bool
adds_weakref_word(const PyTypeObject *type)
{
    return type->tp_weaklistoffset > 0 && type->tp_base->tp_weaklistoffset == 0;
}

static bool
is_as_large_as_its_parts(const PyTypeObject *type)
{
    Py_ssize_t words = Py_SIZE(type) + adds_dict_word(type) + adds_weakref_word(type);
    return type->tp_basicsize == type->tp_base->tp_basicsize + words * (Py_ssize_t)sizeof(PyObject *)
           && type->tp_itemsize == type->tp_base->tp_itemsize;
}

/* The functions that a class statement gives; a type without the collector's header inherits its traverse function. */
static bool
has_functions_of_classes(const PyTypeObject *type)
{
    bool shows_itself = !(type->tp_flags & Py_TPFLAGS_HAVE_GC) || type->tp_traverse == of_classes.traverse;
    return types_is_class(type) && shows_itself && type->tp_alloc == of_classes.alloc;
}

static enum kind kind_of(PyTypeObject *type);

static enum kind
kind_of_class(PyTypeObject *type)
{
    if (!has_functions_of_classes(type) || !is_as_large_as_its_parts(type) || !slots_are_references(type)) {
        return KIND_UNKNOWN;
    }
    enum kind kind = kind_of(type->tp_base);
    return kind == KIND_BYTES || kind == KIND_CODE ? KIND_UNKNOWN : kind;
}

static bool
is_struct_sequence(const PyTypeObject *type)
{
    return type->tp_base == &PyTuple_Type && type->tp_dealloc == struct_sequence_dealloc
           && type->tp_itemsize == PyTuple_Type.tp_itemsize;
}

static enum kind
kind_of(PyTypeObject *type)
{
    const struct reviewed *reviewed = probe(type);
    if (reviewed->type != NULL) {
        return reviewed->kind;
    }
    if (type->tp_base == NULL) {
        return KIND_UNKNOWN;
    }
    return is_struct_sequence(type) ? KIND_STRUCT_SEQUENCE : kind_of_class(type);
}

/* --- remembered for the length of a step --- */

enum { REMEMBERED = 512 };

static struct {
    PyTypeObject *type;
    uint64_t step;
    enum kind kind;
} remembered[REMEMBERED];

static uint64_t current_step;

void
types_begin_step(void)
{
    current_step++;
}

enum kind
types_kind(PyTypeObject *type)
{
    size_t place = place_of(type) % REMEMBERED;
    if (UNLIKELY(remembered[place].type != type || remembered[place].step != current_step)) {
        remembered[place].type = type;
        remembered[place].step = current_step;
        remembered[place].kind = kind_of(type);
    }
    return remembered[place].kind;
}
