/* What differs between CPython 3.11 and 3.15, in one place, named for what differs.
 *
 * Only hook/ includes this. Everything here is public C API, or a symbol that CPython exports on every version we
 * serve and that is looked up weakly: where it is missing, quire does not serve.
 */
#ifndef QUIRE_HOOK_VERSIONS_H
#define QUIRE_HOOK_VERSIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/base.h"

#if PY_VERSION_HEX < 0x030B0000
#error "quire serves CPython 3.11 and later"
#endif

/* Names the allocator in force ("pymalloc", "malloc_debug", ...); NULL if a hook has replaced it. Not in a public
 * header; exported by 3.11 to 3.15. */
extern const char *_PyMem_GetCurrentAllocatorName(void) __attribute__((weak));

/* The calling thread's state, NULL if it has none; the public accessor ends the process then. */
static inline PyThreadState *
version_current_thread(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

static inline bool
version_is_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

/* A chunk of a Python call stack: CPython's struct of the same layout is public in 3.11 and later. 3.14 and later keep
 * one chunk in reserve. */
typedef _PyStackChunk version_stack_chunk;

static inline version_stack_chunk *
version_spare_stack_chunk(const PyThreadState *thread)
{
#if PY_VERSION_HEX >= 0x030E0000
    return thread->datastack_cached_chunk;
#else
    (void)thread;
    return NULL;
#endif
}

/* Since 3.12 an interpreter may have a lock of its own. */
#define VERSION_INTERPRETERS_SHARE_LOCK (PY_VERSION_HEX < 0x030C0000)

#ifdef Py_GIL_DISABLED
#define VERSION_HAS_INTERPRETER_LOCK false
#else
#define VERSION_HAS_INTERPRETER_LOCK true
#endif

#endif
