/* Forks of a process that has extents: a child gets a copy of them, before anything else runs in it.
 *
 *     prepare    the mesh mutex; each extent's used pages are copied, to private memory that came with the extent
 *     parent     the copies are dropped
 *     child      each extent gets a new home, filled from its copy; what showed the old one shows that. Where the system
 *                refuses, pools get pages of their own, filled from the copy
 *
 * The parent asks the system for nothing. A child asks for shared pages, then for its own, then takes addresses from the
 * end of the heap's range; if all are refused there is no memory, it says so in a line and ends.
 *
 * A child that is made past the handlers (clone, _Fork) has nothing where the pools are that show extents, and faults
 * there; it cannot write to its parent's.
 *
 * Locking: the mesh mutex is held while extents, or what shows them, change: a fork may come from a thread that does not
 * hold the heap's lock, and waits for this mutex last. Callers: extents.c, mesh.c, sealed.c, hook/. Calls: os/.
 */
#ifndef QUIRE_HEAP_FORKS_H
#define QUIRE_HEAP_FORKS_H

#include "base/base.h"

struct heap;

/* Have forks looked after; before anybody else does, if possible: in a child whoever comes earlier may be given the
 * addresses of what is not there yet. 0, or an errno value. */
int forks_hold(void);

/* The heap will have an extent: its children are looked after from now on, if they are not yet. 0, or an errno value. */
int forks_follow(struct heap *heap);
void forks_forget(struct heap *heap); /* also where they are not */

void forks_lock(void);
void forks_unlock(void);

#endif
