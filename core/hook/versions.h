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

/* Ask for something to happen at the current thread's next safe point, from inside an allocation.
 *
 * Up to 3.12 a pending call does it. From 3.13 on, adding one may release the interpreter lock while it waits for
 * a mutex, which no caller of malloc is prepared for; there a collection of the youngest generation is asked for, by the
 * bit that CPython sets itself when one is due, and gc.callbacks tell of it. */
#if PY_VERSION_HEX >= 0x030D0000
#define VERSION_SAFE_POINT_IS_COLLECTION true
enum { VERSION_COLLECTION_DUE_BIT = 1u << 4 };

static inline void
version_ask_for_safe_point(int (*unused)(void *))
{
    (void)unused;
    PyThreadState *thread = version_current_thread();
    if (thread != NULL) {
        __atomic_fetch_or(&thread->eval_breaker, VERSION_COLLECTION_DUE_BIT, __ATOMIC_SEQ_CST);
    }
}

static inline int
version_raise_pending(void *exception)
{
    PyErr_SetRaisedException(exception);
    return -1;
}

/* A collection drops what its callbacks raise; a pending call raises it again, in the program. Here one may be added:
 * nobody is allocating. The exception stays set if there is no room for one. */
static inline void
version_raise_after_collection(void)
{
    PyObject *exception = PyErr_GetRaisedException();
    if (Py_AddPendingCall(version_raise_pending, exception) != 0) {
        PyErr_SetRaisedException(exception);
    }
}
#else
#define VERSION_SAFE_POINT_IS_COLLECTION false

static inline void
version_ask_for_safe_point(int (*call)(void *))
{
    Py_AddPendingCall(call, NULL); /* where the queue is full, this growth goes unseen */
}

/* Nothing is called in collections: whoever polls raises the exception. */
static inline void
version_raise_after_collection(void)
{
}
#endif

/* Since 3.12 an interpreter may have a lock of its own. */
#define VERSION_INTERPRETERS_SHARE_LOCK (PY_VERSION_HEX < 0x030C0000)

#ifdef Py_GIL_DISABLED
#define VERSION_HAS_INTERPRETER_LOCK false
#else
#define VERSION_HAS_INTERPRETER_LOCK true
#endif

#endif
