/* Sizes that only a function of an extension's can tell, a __sizeof__ in C: pyarrow's lets go of the interpreter lock. So
 * it is called when the walk is over; until then its objects are held.
 *
 *     walk: asking_note, one row after the other; asking_ask, with the lock; asking_settle, without it
 *
 * Callers: snapshot*.c. Locking: the interpreter lock, but of asking_settle.
 */
#ifndef QUIRE_HOOK_ASKING_H
#define QUIRE_HOOK_ASKING_H

#include "hook/objects.h"

#include "observe/columns.h"

struct asking {
    struct asked {
        const struct object_type *known;
        PyObject *object; /* held until it is asked */
        uint64_t size_bytes;
        uint32_t row;
    } *items;
    size_t count, max;
    size_t asked_count;
    bool is_short_of_memory;
};

void asking_note(struct asking *asking, const struct object_type *known, PyObject *object, uint32_t row);

/* Runs the program's code. What it raises is dropped, and the size stays what the object's type tells. */
void asking_ask(struct asking *asking);

/* The answers go to their rows of a column of sizes that was flushed. */
void asking_settle(const struct asking *asking, struct column *sizes);

void asking_release(struct asking *asking);

#endif
