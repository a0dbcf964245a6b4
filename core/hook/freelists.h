/* CPython's free lists of tuples: up to 2000 of each size up to 20 that were dropped, for the next ones.
 *
 *     list | a | b | c |     each lies wherever it was when it was dropped, and for the heap it lives: it is foreign,
 *                            and keeps a pool from being meshed
 *
 * To renew a list is to take all of it, to drop as many tuples as it holds that lie together, and then those taken. The
 * list is full with the former, so the latter go to the heap.
 *
 * Callers: module/. Locking: the interpreter lock.
 */
#ifndef QUIRE_HOOK_FREELISTS_H
#define QUIRE_HOOK_FREELISTS_H

#include "hook/versions.h"

enum { FREELISTS_ITEMS_MAX = 20 };

/* Of tuples with so many items, from 1. How many have gone to the heap: 0 where the list holds few, or without memory. */
size_t freelists_renew(Py_ssize_t items);

#endif
