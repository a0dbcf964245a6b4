/* What the dynamic loader has mapped: addresses of the program's own and of its libraries' static data, which are in no
 * heap.
 *
 * Callers: snapshot*.c. Locking: the interpreter lock.
 */
#ifndef QUIRE_HOOK_IMAGES_H
#define QUIRE_HOOK_IMAGES_H

#include "base/base.h"

/* Find them, as they are now. False: no memory. */
bool images_find(void);
void images_forget(void);
bool images_have(uintptr_t address);

#endif
