/* What differs between CPython 3.11 and 3.15, in one place, named for what differs.
 *
 * Only hook/ includes this. Everything here is public C API, or a symbol that CPython exports on every version we
 * serve and that is looked up weakly: where it is missing, quire does not serve.
 */
#ifndef QUIRE_HOOK_VERSIONS_H
#define QUIRE_HOOK_VERSIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/base.h"

#if PY_VERSION_HEX < 0x030B0000
#error "quire serves CPython 3.11 and later"
#endif

/* Names the allocator in force ("pymalloc", "malloc_debug", ...); NULL if a hook has replaced it. Not in a public
 * header; exported by 3.11 to 3.15. */
extern const char *_PyMem_GetCurrentAllocatorName(void) __attribute__((weak));

/* The calling thread's state, NULL if it has none; the public accessor ends the process then. */
static inline PyThreadState *
version_current_thread(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

static inline bool
version_is_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

/* A chunk of a Python call stack: CPython's struct of the same layout is public in 3.11 and later. */
typedef _PyStackChunk version_stack_chunk;

/* The chunk that CPython keeps in reserve, since 3.13.13 and 3.14.4; NULL: none. The core may run in an older patch
 * release than it was built with: what is at that place there is something else. */
static inline version_stack_chunk *
version_spare_stack_chunk(const PyThreadState *thread)
{
#if PY_VERSION_HEX >= 0x030E04F0
    return Py_Version >= 0x030E04F0 ? thread->datastack_cached_chunk : NULL;
#elif PY_VERSION_HEX >= 0x030D0DF0 && PY_VERSION_HEX < 0x030E0000
    return Py_Version >= 0x030D0DF0 ? thread->datastack_cached_chunk : NULL;
#else
    (void)thread;
    return NULL;
#endif
}

/* Since 3.12 an interpreter may have a lock of its own. */
#define VERSION_INTERPRETERS_SHARE_LOCK (PY_VERSION_HEX < 0x030C0000)

/* Whether the collector of the CPython that runs takes its lists apart by increments: 3.14 did until 3.14.5, 3.15 until
 * its release candidates. */
static inline bool
version_collects_by_increments(void)
{
    bool is_early_3_14 = Py_Version >= 0x030E0000 && Py_Version < 0x030E05F0;
    bool is_early_3_15 = Py_Version >= 0x030F0000 && Py_Version < 0x030F00C1;
    return is_early_3_14 || is_early_3_15;
}

/* Whether CPython's private layouts, as they are written down here and in layouts.c, were looked through for the CPython
 * that runs. What has the same size in a later one may lie otherwise. */
static inline bool
version_layouts_are_known(void)
{
    return Py_Version < 0x03100000;
}

/* In the collector's state: its thresholds, as they are at first; from the flag that it is at work to gc.garbage, in
 * words. */
#define VERSION_THRESHOLDS {PY_VERSION_HEX >= 0x030D0000 ? 2000 : 700, 10, 10}
#define VERSION_WORDS_TO_GARBAGE (PY_VERSION_HEX >= 0x030F0000 ? 2 : 1)

/* Where an instance keeps attributes that have not become a dictionary, in a block of their own: an address in that
 * block; NULL: in none. The type has Py_TPFLAGS_MANAGED_DICT. Since 3.13 they lie in the instance itself. */
static inline const void *
version_detached_values(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030D0000
    (void)object;
    return NULL;
#elif PY_VERSION_HEX >= 0x030C0000
    uintptr_t word = ((const uintptr_t *)object)[-3]; /* the dictionary, or one less than the first value's address */
    return word & 1 ? (const void *)word : NULL;
#else
    uintptr_t values = ((const uintptr_t *)object)[-4];
    return values != 0 ? (const void *)(values - 1) : NULL;
#endif
}

/* Bytes of the words before the object, that its type makes it have: the collector's header, its dictionary, weak
 * references to it. */
static inline size_t
version_bytes_before(const PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030C0000
    bool has_more = (type->tp_flags & Py_TPFLAGS_PREHEADER) != 0;
#else
    bool has_more = (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) != 0;
#endif
    return (PyType_IS_GC((PyTypeObject *)type) ? 16u : 0u) + (has_more ? 16u : 0u);
}

/* Bytes of the attributes that lie in the instance, behind what its type says is its size. */
static inline size_t
version_inline_values_bytes(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030D0000
    if (Py_TYPE(object)->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        size_t capacity = ((const unsigned char *)object)[Py_TYPE(object)->tp_basicsize];
        return align_up(capacity, sizeof(PyObject *)) + (capacity + 1) * sizeof(PyObject *);
    }
#else
    (void)object;
#endif
    return 0;
}

/* Whether that is told by the values themselves. */
#define VERSION_VALUES_ARE_READ (PY_VERSION_HEX >= 0x030D0000)

/* The same of a dictionary that shares its keys: an address in the block of its values; NULL where they lie in the
 * instance that they are attributes of. */
static inline const void *
version_dict_values(PyObject *dict)
{
    const char *values = (const char *)((PyDictObject *)dict)->ma_values;
#if PY_VERSION_HEX >= 0x030D0000
    bool lies_in_instance = values != NULL && values[2] != 0; /* capacity, size, that, whether they are in force */
    return lies_in_instance ? NULL : values;
#else
    return values != NULL ? values - 1 : NULL; /* before the first stand their sizes */
#endif
}

/* CPython's own affair, and the same from 3.11 to 3.15; behind the indices stand the entries, which end with the value. */
struct version_dict_keys {
    Py_ssize_t references;
    uint8_t log2_size, log2_index_bytes, kind;
    uint32_t version;
    Py_ssize_t usable, entries;
    char indices[];
};

/* A place of such a table, as PyDict_Next has places; the value is NULL where it is unused. False: there is none. */
static inline bool
version_dict_place(const void *table, Py_ssize_t position, PyObject **key, PyObject **value)
{
    const struct version_dict_keys *keys = table;
    if (position >= keys->entries) {
        return false;
    }
    size_t words_an_entry = keys->kind == 0 ? 3 : 2; /* the hash, unless all keys are strings; key, value */
    PyObject *const *entries = (PyObject *const *)(const void *)(keys->indices + ((size_t)1 << keys->log2_index_bytes));
    *key = entries[((size_t)position + 1) * words_an_entry - 2];
    *value = entries[((size_t)position + 1) * words_an_entry - 1];
    return true;
}

/* Bytes of such a table, and how many values a dictionary has room for that shares it. */
static inline size_t
version_dict_keys_bytes(const struct version_dict_keys *keys)
{
    size_t entry_bytes = keys->kind == 0 ? 24 : 16;
    size_t usable = ((size_t)2 << keys->log2_size) / 3;
    return sizeof *keys + ((size_t)1 << keys->log2_index_bytes) + usable * entry_bytes;
}

static inline size_t
version_shared_values_count(const struct version_dict_keys *keys)
{
    return (size_t)(keys->entries + keys->usable);
}

/* The keys that all instances of a class may share for attributes that they keep without a dictionary; NULL: none. */
static inline const struct version_dict_keys *
version_cached_keys(const PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030D0000
    bool has_some = (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) != 0;
#else
    bool has_some = (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) != 0;
#endif
    return has_some ? (const void *)((const PyHeapTypeObject *)type)->ht_cached_keys : NULL;
}

/* Where the values begin of a dictionary that shares its keys; it has them, ma_values is not NULL. */
static inline PyObject *const *
version_first_value(const void *values)
{
#if PY_VERSION_HEX >= 0x030D0000
    return (PyObject *const *)values + 1; /* behind four bytes, and four unused */
#else
    return values;
#endif
}

/* The attributes that an instance keeps without a dictionary, at most so many; NULL: it has a dictionary, or neither. The
 * type has Py_TPFLAGS_MANAGED_DICT. Given where the object can be read; the answer is in addresses of its own. */
static inline PyObject *const *
version_inline_attributes(PyObject *readable, const PyObject *object, size_t *count, PyObject **dictionary)
{
    const uintptr_t *words = (const uintptr_t *)readable;
    const char *values = NULL;
    *dictionary = NULL;
    *count = SIZE_MAX;
#if PY_VERSION_HEX >= 0x030D0000
    const PyTypeObject *type = Py_TYPE(readable);
    *dictionary = (PyObject *)words[-3];
    const unsigned char *inside = (const unsigned char *)readable + type->tp_basicsize;
    if (*dictionary == NULL && (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) && inside[3] != 0) {
        *count = inside[0];
        values = (const char *)object + type->tp_basicsize;
    }
#elif PY_VERSION_HEX >= 0x030C0000
    (void)object;
    if (words[-3] & 1) {
        values = (const char *)(words[-3] + 1);
    } else {
        *dictionary = (PyObject *)words[-3];
    }
#else
    (void)object;
    values = (const char *)words[-4];
    *dictionary = values == NULL ? (PyObject *)words[-3] : NULL;
#endif
    return values == NULL ? NULL : version_first_value(values);
}

/* sys.getsizeof counts the collector's header by the type alone, also for types that have none: until 3.12. */
#define VERSION_SIZE_HAS_HEADER_OF_TYPE (PY_VERSION_HEX < 0x030D0000)

/* What an object's first word may be while it lives: its count, and in later versions flags above it. That of an object
 * that CPython keeps for its next request is 0, or an address. */
static inline bool
version_is_plausible_count(uint64_t word)
{
#if PY_VERSION_HEX >= 0x030E0000
    word &= UINT64_C(0xff00ffffffffffff); /* flags, of which the upper byte has none yet */
#endif
    return word != 0 && word <= UINT32_MAX;
}

/* Before objects could be immortal, those that were compiled into CPython were given a count of a thousand million. */
#define VERSION_COUNT_OF_FROZEN UINT64_C(900000000)

/* The count; NONE: the object never dies. */
static inline uint32_t
version_count(PyObject *object, uint32_t none)
{
#if PY_VERSION_HEX >= 0x030C0000
    return _Py_IsImmortal(object) ? none : (uint32_t)Py_REFCNT(object);
#else
    Py_ssize_t count = Py_REFCNT(object);
    return (uint64_t)count < VERSION_COUNT_OF_FROZEN ? (uint32_t)count : none;
#endif
}

#if PY_VERSION_HEX >= 0x030C0000
#define VERSION_FIRST_DIGIT long_value.ob_digit
#else
#define VERSION_FIRST_DIGIT ob_digit
#endif

/* Bytes before a bytearray's buffer in its block, which is a bytes object's since 3.15, and behind what it allocated. */
#if PY_VERSION_HEX >= 0x030F0000
#define VERSION_BUFFER_BYTES_BEFORE offsetof(PyBytesObject, ob_sval)
#define VERSION_BUFFER_BYTES_BEHIND ((size_t)1)
#else
#define VERSION_BUFFER_BYTES_BEFORE ((size_t)0)
#define VERSION_BUFFER_BYTES_BEHIND ((size_t)0)
#endif

/* Digits of an integer, as its size counts them. */
static inline size_t
version_int_digits(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030C0000
    size_t digits = ((PyLongObject *)object)->long_value.lv_tag >> 3;
#else
    Py_ssize_t size = Py_SIZE(object);
    size_t digits = size < 0 ? 0 - (size_t)size : (size_t)size;
#endif
    return digits == 0 ? 1 : digits;
}

#ifdef Py_GIL_DISABLED
#define VERSION_HAS_INTERPRETER_LOCK false
#else
#define VERSION_HAS_INTERPRETER_LOCK true
#endif

#endif
