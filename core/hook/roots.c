/* See roots.h.
 *
 * The interpreter's struct differs from version to version, and is CPython's own affair: it is read through the
 * internal headers of the Python that quire is built for, as frames.c reads frames. No symbol of theirs is used.
 */
#define Py_BUILD_CORE 1 /* before Python.h: the headers ask for it */

#include "hook/roots.h"

#include "hook/arrays.h"
#include "hook/frames.h"

#include <internal/pycore_interp.h>

/* Patch releases have changed these structs: the core may run in another one than it was built with. */
static bool
is_the_python_of_the_headers(void)
{
    return Py_Version == PY_VERSION_HEX;
}

/* --- what was found --- */

static void
add(struct roots *roots, struct root root)
{
    struct root *items = array_grown(roots->items, roots->count, &roots->max, sizeof *items);
    if (items == NULL) {
        roots->is_short_of_memory = true;
        return;
    }
    roots->items = items;
    roots->items[roots->count++] = root;
}

/* --- frames --- */

static void
enter_frame(void *context, const struct frame *frame)
{
    struct roots *roots = context;
    struct root_frame *frames = array_grown(roots->frames, roots->frames_count, &roots->frames_max, sizeof *frames);
    if (frames == NULL) {
        roots->is_short_of_memory = true;
        return;
    }
    roots->frames = frames;
    roots->frames[roots->frames_count++] = (struct root_frame){roots->thread, frame->code, frame->offset};
}

static void
add_of_frame(struct roots *roots, PyObject *object, int place, bool has_reference, bool is_word)
{
    if (roots->frames_count != 0) {
        uint32_t frame = (uint32_t)(roots->frames_count - 1);
        add(roots, (struct root){object, NULL, roots->thread, frame, place, has_reference, is_word});
    }
}

static void
visit_object(void *context, PyObject *object, int place, bool has_reference)
{
    add_of_frame(context, object, place, has_reference, false);
}

static void
visit_word(void *context, uintptr_t word, int place)
{
    if (word != 0) {
        add_of_frame(context, (PyObject *)word, place, false, true);
    }
}

static void
find_in_frames(struct roots *roots, PyThreadState *thread)
{
    const struct frame_visitor visitor = {enter_frame, visit_object, visit_word, roots};
    size_t left = roots->frames_count < ROOT_FRAMES_MAX ? ROOT_FRAMES_MAX - roots->frames_count : 0;
    frames_visit(thread, left < ROOT_FRAMES_OF_THREAD_MAX ? left : ROOT_FRAMES_OF_THREAD_MAX, &visitor);
}

/* --- what threads and the interpreter keep --- */

static void
add_own(struct roots *roots, const char *name, PyObject *object)
{
    if (object != NULL) {
        add(roots, (struct root){object, name, roots->thread, ROOT_NO_FRAME, 0, true, false});
    }
}

/* Exceptions that are handled, the innermost first: a generator at work has its own, which it shows. */
static void
find_exceptions(struct roots *roots, PyThreadState *thread)
{
#if PY_VERSION_HEX >= 0x030C0000
    add_own(roots, "exception raised", thread->current_exception);
#else
    add_own(roots, "exception raised", thread->curexc_value);
    add_own(roots, "exception raised", thread->curexc_type);
    add_own(roots, "exception raised", thread->curexc_traceback);
#endif
    add_own(roots, "exception handled", is_the_python_of_the_headers() ? thread->exc_state.exc_value : NULL);
}

static void
find_in_thread(struct roots *roots, PyThreadState *thread)
{
    roots->thread = thread->thread_id;
    find_in_frames(roots, thread);
    find_exceptions(roots, thread);
    add_own(roots, "thread-locals", thread->dict);
    add_own(roots, "context", thread->context);
    add_own(roots, "trace function", thread->c_traceobj);
    add_own(roots, "profile function", thread->c_profileobj);
    add_own(roots, "exception to come", thread->async_exc);
    add_own(roots, "hook of asynchronous generators", thread->async_gen_firstiter);
    add_own(roots, "hook of asynchronous generators", thread->async_gen_finalizer);
}

#if PY_VERSION_HEX >= 0x030D0000
#define CODECS_SEARCH_PATH codecs.search_path
#define CODECS_SEARCH_CACHE codecs.search_cache
#define CODECS_ERROR_REGISTRY codecs.error_registry
#else
#define CODECS_SEARCH_PATH codec_search_path
#define CODECS_SEARCH_CACHE codec_search_cache
#define CODECS_ERROR_REGISTRY codec_error_registry
#endif
#if PY_VERSION_HEX >= 0x030C0000
#define IMPORTS imports.
#else
#define IMPORTS
#endif
#define OF_IMPORTS(name) OF_IMPORTS_EXPANDED(IMPORTS, name)
#define OF_IMPORTS_EXPANDED(imports, name) imports name

static void
find_in_interpreter(struct roots *roots, PyInterpreterState *interpreter)
{
    roots->thread = 0;
    add_own(roots, "sys", interpreter->sysdict);
    add_own(roots, "builtins", interpreter->builtins);
    add_own(roots, "builtins", interpreter->builtins_copy);
    add_own(roots, "sys.modules", interpreter->OF_IMPORTS(modules));
    add_own(roots, "modules of C", interpreter->OF_IMPORTS(modules_by_index));
    add_own(roots, "importlib", interpreter->OF_IMPORTS(importlib));
    add_own(roots, "codecs", interpreter->CODECS_SEARCH_PATH);
    add_own(roots, "codecs", interpreter->CODECS_SEARCH_CACHE);
    add_own(roots, "codecs", interpreter->CODECS_ERROR_REGISTRY);
    add_own(roots, "extensions' own", interpreter->dict);
    add_own(roots, "hooks of os.fork", interpreter->before_forkers);
    add_own(roots, "hooks of os.fork", interpreter->after_forkers_parent);
    add_own(roots, "hooks of os.fork", interpreter->after_forkers_child);
    add_own(roots, "hooks of audit events", interpreter->audit_hooks);
#if PY_VERSION_HEX >= 0x030C0000
    add_own(roots, "sys", interpreter->sysdict_copy);
#endif
}

void
roots_find(struct roots *roots)
{
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    PyThreadState *thread = PyInterpreterState_ThreadHead(interpreter);
    for (; thread != NULL; thread = PyThreadState_Next(thread)) {
        find_in_thread(roots, thread);
    }
    if (is_the_python_of_the_headers()) {
        find_in_interpreter(roots, interpreter);
    }
}

/* --- afterwards --- */

void
roots_hold(struct roots *roots)
{
    for (size_t i = 0; i < roots->frames_count; i++) {
        Py_INCREF((PyObject *)roots->frames[i].code);
    }
    roots->is_held = true;
}

void
roots_release(struct roots *roots)
{
    for (size_t i = 0; roots->is_held && i < roots->frames_count; i++) {
        Py_DECREF((PyObject *)roots->frames[i].code);
    }
    PyMem_RawFree(roots->frames);
    PyMem_RawFree(roots->items);
    *roots = (struct roots){0};
}

PyObject *
roots_variable(const struct roots *roots, const struct root *root)
{
    if (root->frame == ROOT_NO_FRAME || root->place < 0) {
        return NULL;
    }
    const PyCodeObject *code = roots->frames[root->frame].code;
    return root->place < PyTuple_GET_SIZE(code->co_localsplusnames)
               ? PyTuple_GET_ITEM(code->co_localsplusnames, root->place)
               : NULL;
}
