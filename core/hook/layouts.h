/* Where objects of reviewed types keep what belongs to them: tables in blocks of their own, and items.
 *
 *     list  | items *--|--> | a | b | c |            the object's block; the table, a block that only the object writes
 *
 * Everything here is read, and read only under the interpreter lock; what changes between two calls is found changed.
 * Objects are given where they can be read (hook/homes.h); what is found in them are addresses of their own.
 */
#ifndef QUIRE_HOOK_LAYOUTS_H
#define QUIRE_HOOK_LAYOUTS_H

#include "hook/types.h"

/* Bytes that CPython obtains for the object, the words before it included; 0 where its type does not tell, as those of
 * str and datetime do not. An extension can have it obtain more, and keep data behind the object unknown to anybody. */
size_t layout_object_bytes(PyObject *object);

/* Addresses in the tables of the object, as far as they are known without going over its items. Some may be NULL, lie in
 * no block, or in the object itself. */
enum { LAYOUT_TABLES_MAX = 24 };
size_t layout_tables(PyObject *object, enum kind kind, const void *tables[LAYOUT_TABLES_MAX]);

/* The entries of a bounded cache, which it has a reference to each of, beside its dictionary. */
void layout_visit_cache_entries(PyObject *object, void (*visit)(void *context, PyObject *entry), void *context);

/* What the object refers to beside its items, and its traverse function does not show, or with too much else. Some may be
 * NULL. */
enum { LAYOUT_CHILDREN_MAX = 10 };
size_t layout_children(PyObject *object, enum kind kind, PyObject *children[LAYOUT_CHILDREN_MAX]);

/* Objects of these kinds may have very many items: they are gone over by position. */
bool layout_has_items(enum kind kind);

struct layout_walk {
    PyObject *object; /* by its own address */
    Py_ssize_t position;
    const void *at; /* good within a step; NULL: to be found again */
    enum kind kind;
};

/* What one call found: up to two objects, and an address in a table. Each may be NULL. Of a deque that is gone over in many
 * steps, the middle may be left out: what is far from both of its ends is not found again. */
struct layout_items {
    PyObject *first;
    PyObject *second;
    const void *table;
    size_t passed; /* unused places, and blocks, that it went by; at most LAYOUT_PASSED_MAX */
};

enum { LAYOUT_PASSED_MAX = 4096 };

/* Go on by one; false: that was all. */
bool layout_next(struct layout_walk *walk, struct layout_items *items);

#endif
