/* What a type's objects are: of a reviewed type, with which layout, or unknown.
 *
 * Reviewed are built-in types, those of the standard library that quire.process.reviewed names, and Python classes:
 * types that CPython's own class statement could have made, from a reviewed base, with nothing in their instances but
 * references. An extension can make a type that looks like a class and keeps a counter in its instances, which it
 * writes without the lock. It does not pass: a class's instances are as large as its base's, its slots and the words
 * for a dictionary and for weak references make them, up the whole chain.
 *
 * Locking: the interpreter lock. Kinds are remembered for the length of a step, in which no type comes, goes or
 * changes.
 */
#ifndef QUIRE_HOOK_TYPES_H
#define QUIRE_HOOK_TYPES_H

#include "hook/versions.h"

#include <structmember.h>

enum kind {
    KIND_UNKNOWN,
    KIND_HOLDER, /* not reviewed, but it only holds what it shows: it writes into none of that */
    KIND_PLAIN,  /* what it refers to is shown by its traverse function; it has no other memory */
    KIND_NUMBER, /* int, float, complex: refers to nothing */
    KIND_STRING,
    KIND_BYTES,
    KIND_LIST,
    KIND_TUPLE,
    KIND_DICT,
    KIND_SET,
    KIND_STRUCT_SEQUENCE, /* a tuple with a few more items than it shows; CPython never tracks some of them */
    KIND_TYPE,
    KIND_CODE,
    KIND_RANGE,
    KIND_DATETIME,
    KIND_TIMEZONE,
    KIND_DECIMAL,
    KIND_DEQUE,
    KIND_ORDERED_DICT,
    KIND_CACHE,       /* functools.lru_cache's; its traverse function shows all entries at once */
    KIND_CACHE_ENTRY, /* one of a bounded cache, in the cache's dictionary */
    KINDS,
};

/* For a pass: the reviewed types beside the built-in ones, as a sequence of (type, layout), with layouts among "plain",
 * "holder", "dict", "datetime", "timezone", "decimal", "deque", "ordered", "cache" and "cache entry". False with an
 * exception set. */
bool types_review(PyObject *reviewed);
void types_forget(void);

/* At the beginning of each step. */
void types_begin_step(void);

enum kind types_kind(PyTypeObject *type);

/* Whether a class statement made it; of one that did, the members, each for a slot. */
bool types_is_class(const PyTypeObject *type);
const PyMemberDef *types_slots(const PyTypeObject *type);

#endif
