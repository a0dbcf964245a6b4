/* Forks of a process that has extents: a child gets a copy of them, before anything else runs in it.
 *
 *     prepare    the mesh mutex; each extent's used pages are copied, to a new home; or if the system has none, to private
 *                memory that came with the extent
 *     parent     the copies are dropped
 *     child      what showed the old home shows the new one, which may still have to be made of private memory; or gets
 *                pages of its own, filled with what was there
 *
 * So nothing that the system refuses loses a child: where it gives no addresses, the heap's last ones serve, which it never
 * used. One that cannot have memory at all says so in a line and ends.
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

/* Pages of its own, zeros, for a hole where an extent was, or was to be, shown: where the system gives no addresses, from
 * the heap's last ones. Whether it has them; the caller holds the mutex. */
bool forks_fill_hole(struct heap *heap, char *at, size_t size_bytes);

/* Whether it would have them, whatever the system gives. */
bool forks_can_fill_hole(const struct heap *heap, size_t size_bytes);

void forks_lock(void);
void forks_unlock(void);

#endif
