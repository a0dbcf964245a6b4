/* Where an object can be read at less cost: pools that share pages are read at their home, since a fault for each of
 * their mappings takes longer than what is done with what is read. An object's own address is what tells it from others.
 *
 * No code that is not quire's is ever given such an address: an object may keep its own, and look for it.
 *
 * Callers: who walks objects. Locking: the interpreter lock; what is found is good as long as nothing is
 * allocated and freed, so homes_forget() begins each step.
 */
#ifndef QUIRE_HOOK_HOMES_H
#define QUIRE_HOOK_HOMES_H

#include "hook/versions.h"

#include "heap/geometry.h"

enum { HOMES = 1024 };

struct home {
    uintptr_t page;
    ptrdiff_t way;
};
extern struct home homes[HOMES];
extern bool homes_are_elsewhere; /* of some objects; if not, nothing is looked up */

void homes_find(struct home *home, uintptr_t page);
void homes_forget(void);

/* The object, or a part of it; all of its block can be read there. */
static inline const void *
at_home(const void *address)
{
    if (LIKELY(!homes_are_elsewhere)) {
        return address;
    }
    uintptr_t page = (uintptr_t)address / PAGE_BYTES_MIN;
    struct home *home = &homes[page % HOMES];
    if (UNLIKELY(home->page != page)) {
        homes_find(home, page);
    }
    return (const char *)address + home->way;
}

static inline PyObject *
readable(PyObject *object)
{
    return (PyObject *)at_home(object);
}

#endif
