/* Preloaded: a test has its say between the copy of a piece of memory and the mapping that shows the copy.
 *
 * The heap asks libc for that mapping, as a program would: mremap with an old size of 0. So nothing of the heap's is
 * changed for it.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void (*before_shown)(const char *at, size_t size_bytes);

void *
mremap(void *from, size_t old_bytes, size_t new_bytes, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    char *at = flags & MREMAP_FIXED ? va_arg(rest, void *) : NULL;
    va_end(rest);
    if (old_bytes == 0 && at != NULL && before_shown != NULL) {
        before_shown(at, new_bytes);
    }
    return (void *)syscall(SYS_mremap, from, old_bytes, new_bytes, flags, at);
}
