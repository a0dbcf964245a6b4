/* CPython's collector, as far as a pass over its objects needs it: its lists, and whether it is at work.
 *
 *     young --> M <--> a <--> b <--> ... <--> (young)        M: our marker, behind the last object that was passed
 *     middle, old, permanent: the same
 *
 * The lists are walked from their own heads: what stands in them is an object, whatever a buffer may pretend. The pass
 * holds no object between two of its steps, for the last reference to one could then be ours, and its end would run in
 * our thread. Instead a marker, an object of a type of ours, stands in the lists. What is in front of it when the
 * collector moves it is passed, or will be met in an older list: merging and sorting append to the end of an older
 * list, and lists are walked from young to permanent, each from its head. So nothing is overtaken; some objects are met
 * twice.
 *
 * Where the heads are is CPython's own affair: they are found in the running process, and everything that can be
 * checked about them is. If a check fails there is no pass.
 *
 * Locking: the interpreter lock, of the main interpreter.
 */
#ifndef QUIRE_HOOK_COLLECTOR_H
#define QUIRE_HOOK_COLLECTOR_H

#include "hook/versions.h"

/* Find the lists, the first time with a collection of the young objects. NULL, or why they cannot be used; no exception
 * is set. */
const char *collector_find(void);

/* Whether it is taking lists apart: heads may be on its stack, and links hold counts. It may let the lock go. */
bool collector_is_at_work(void);

/* Until it is let go the collector collects nothing of itself, in no thread, unless the program has it collect
 * meanwhile. What the program sets, it finds as it has set it: other threads run meanwhile, and who reads a threshold
 * sets it again later. Only gc.get_count() is far below zero. Switching it off would not do either: on 3.12 a
 * collection that was asked for before comes all the same. */
void collector_hold(void);
void collector_let_go(void);
void collector_let_go_in_child(void); /* of a fork that came meanwhile; without the interpreter lock */

/* Put the marker before the first object. Take it away again. */
void collector_begin(void);
void collector_end(void);

/* Within a step, in which nothing is allocated or freed: the object behind the last one passed, NULL if none is left;
 * pass it. At the end of the step the marker moves there. */
PyObject *collector_next(void);
void collector_pass(PyObject *object);
void collector_rest(void);

/* All tracked objects at once, from the youngest list to the permanent one, wherever a marker may stand; within a step
 * nothing is allocated or freed. The collector is not at work. */
void collector_visit_all(void (*visit)(void *context, PyObject *object), void *context);

/* Of an object of a type that has the header. */
static inline bool
collector_tracks(PyObject *object)
{
    return ((const uintptr_t *)object)[-2] != 0;
}

#endif
