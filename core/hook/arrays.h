/* Arrays that grow while objects are walked: of memory that is libc's, for Python's allocators are not to be called then.
 *
 * Locking: the caller's.
 */
#ifndef QUIRE_HOOK_ARRAYS_H
#define QUIRE_HOOK_ARRAYS_H

#include "base/base.h"
#include "hook/versions.h"

enum { ARRAY_ITEMS_AT_FIRST = 256 };

/* The array with room for one more; NULL: no memory, and it is as it was. PyMem_RawFree ends it. */
static inline void *
array_grown(void *items, size_t count, size_t *max, size_t item_bytes)
{
    if (LIKELY(count < *max)) {
        return items;
    }
    size_t more = *max == 0 ? ARRAY_ITEMS_AT_FIRST : *max * 2;
    void *larger = PyMem_RawRealloc(items, more * item_bytes);
    *max = larger == NULL ? *max : more;
    return larger;
}

#endif
