/* Marks for the sanitizers: which memory of the heap's a program may touch, and which it may not.
 *
 *     untouched --mark_allocated--> allocated, to the last byte asked for --mark_freed--> free
 *
 * Untouched and free memory, and what lies behind a request in its block, is marked free: whoever touches it is
 * stopped, by the address sanitizer (a build with QUIRE_ASAN) or by valgrind (QUIRE_VALGRIND). The heap's free lists
 * stand in such memory; it reads and writes them with link_of and set_link alone. In every other build a mark is
 * nothing, and a link is one load or store.
 *
 * Callers: heap/, module/, os/fake.c. What goes back to the system is unmarked first: the next owner knows no marks.
 */
#ifndef QUIRE_BASE_MARKS_H
#define QUIRE_BASE_MARKS_H

#include "base/base.h"

#include <string.h>

/* --- what the two tools have in common --- */

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define MARKS_FOR_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__) /* gcc */
#define MARKS_FOR_ASAN 1
#endif

#if defined(MARKS_FOR_ASAN)

#include <sanitizer/asan_interface.h>
#define MARKS 1
#define FORBID(address, size_bytes) ASAN_POISON_MEMORY_REGION(address, size_bytes)
#define ALLOW(address, size_bytes) ASAN_UNPOISON_MEMORY_REGION(address, size_bytes)
#define ALLOW_UNDEFINED(address, size_bytes) ALLOW(address, size_bytes)
#define DEMAND_ALLOWED(address) ((void)*(const volatile char *)(address))
#define FORBID_LINK(address) ((void)(address))
#define ALLOW_LINK(address) ((void)(address))
#define PAST_MARKS __attribute__((no_sanitize_address))

#elif defined(QUIRE_VALGRIND)

#include <valgrind/memcheck.h>
#define MARKS 1
#define FORBID(address, size_bytes) ((void)VALGRIND_MAKE_MEM_NOACCESS(address, size_bytes))
#define ALLOW(address, size_bytes) ((void)VALGRIND_MAKE_MEM_DEFINED(address, size_bytes))
#define ALLOW_UNDEFINED(address, size_bytes) ((void)VALGRIND_MAKE_MEM_UNDEFINED(address, size_bytes))
#define DEMAND_ALLOWED(address) ((void)VALGRIND_CHECK_MEM_IS_ADDRESSABLE(address, 1))
#define FORBID_LINK(address) FORBID(address, sizeof(void *))
#define ALLOW_LINK(address) ALLOW(address, sizeof(void *))
#define PAST_MARKS

#else

#define MARKS 0
#define FORBID(address, size_bytes) ((void)(address), (void)(size_bytes))
#define ALLOW(address, size_bytes) FORBID(address, size_bytes)
#define ALLOW_UNDEFINED(address, size_bytes) FORBID(address, size_bytes)
#define DEMAND_ALLOWED(address) ((void)(address))
#define FORBID_LINK(address) ((void)(address))
#define ALLOW_LINK(address) ((void)(address))
#define PAST_MARKS

#endif

/* --- marks --- */

static inline void
mark_free(const void *address, size_t size_bytes)
{
    FORBID(address, size_bytes);
}

/* The same of what was allocated, which is looked at first: so a block that is freed twice is found. */
static inline void
mark_freed(const void *address, size_t size_bytes)
{
    DEMAND_ALLOWED(address);
    FORBID(address, size_bytes);
}

/* The memory at the address serves a request; NULL serves none. A request of 0 bytes counts as one of 1. */
static inline void *
mark_allocated(void *address, size_t size_bytes)
{
    if (MARKS && address != NULL) {
        ALLOW_UNDEFINED(address, size_bytes + (size_bytes == 0));
    }
    return address;
}

/* The same, and it holds zeros, or soon will. */
static inline void *
mark_zeroed(void *address, size_t size_bytes)
{
    if (MARKS && address != NULL) {
        ALLOW(address, size_bytes + (size_bytes == 0));
    }
    return address;
}

static inline void
unmark(const void *address, size_t size_bytes)
{
    ALLOW(address, size_bytes);
}

/* Copy what may be marked: of a live block, also what lies behind the request that it serves. */
static inline PAST_MARKS void
copy_past_marks(void *to, const void *from, size_t size_bytes)
{
    if (!MARKS) {
        memcpy(to, from, size_bytes);
        return;
    }
    for (size_t i = 0; i < size_bytes; i++) {
        ((volatile char *)to)[i] = ((const volatile char *)from)[i];
    }
}

/* --- what stands in free blocks: each holds the address of the next --- */

static inline PAST_MARKS void *
link_of(const void *block)
{
    ALLOW_LINK(block);
    void *next = *(void *const *)block;
    FORBID_LINK(block);
    return next;
}

static inline PAST_MARKS void
set_link(void *block, void *next)
{
    ALLOW_LINK(block);
    *(void **)block = next;
    FORBID_LINK(block);
}

#endif
