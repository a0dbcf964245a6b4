/* What an object refers to, in an order that tells what each reference is (docs/design/snapshot.md).
 *
 *     instance of a Python class | type | slots of the type and its bases | dictionary, or inline attributes | its base's
 *     dict                       | key | value | key | value ...
 *     list, tuple, set           | items
 *     any other                  | as its traverse function shows them; or the words in it, where it has none
 *
 * Callers: snapshot*.c. Locking: the interpreter lock; nothing is allocated. Only objects that are known with certainty are
 * asked: functions of their types are called.
 */
#ifndef QUIRE_HOOK_REFERENCES_H
#define QUIRE_HOOK_REFERENCES_H

#include "hook/objects.h"

/* Who is shown the references. NULL: a place that refers to nothing, and keeps its position. Words that may be no object's
 * address, of an object that cannot show, go to visit_word. */
struct references {
    void (*visit)(void *context, PyObject *child);
    void (*visit_word)(void *context, uintptr_t word);
    void *context;
};

void references_show(const struct object_type *known, PyObject *object, const struct references *to);

/* Whether an instance shows the values of its inline attributes, where others show their dictionary. */
bool references_has_inline_attributes(const struct object_type *known, PyObject *object);

/* Whether who has an object show what it refers to is this, not the collector. */
bool references_is_visitor(visitproc visit);

#endif
