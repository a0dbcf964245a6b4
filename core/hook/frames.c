/* See frames.h.
 *
 * The frames' layout differs from version to version, and is CPython's own affair. It is read through the internal
 * headers of the Python that quire is built for, which is the one it runs in: a copy of a layout could be wrong without
 * anybody noticing, a header cannot. Only inline functions of theirs are used, no symbol.
 */
#define Py_BUILD_CORE 1 /* before Python.h: the headers ask for it */

#include "hook/frames.h"

#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe.h>
#else
#include <internal/pycore_frame.h>
#endif
#include <internal/pycore_code.h>

#include <sys/syscall.h>
#include <unistd.h>

enum { FRAMES_WRITTEN_MAX = 20, PATH_CHARACTERS_MAX = 160, NAME_CHARACTERS_MAX = 100 };

/* A thread that begins without the lock stands in the list before it has a place for its frames. */
static _PyInterpreterFrame *
innermost(const PyThreadState *thread)
{
#if PY_VERSION_HEX >= 0x030D0000
    return thread->current_frame;
#else
    return thread->cframe == NULL ? NULL : thread->cframe->current_frame;
#endif
}

/* NULL where the frame is not to be told of: not yet begun, the interpreter's own, or with its code under demolition,
 * which in 3.11 is the last thing that a frame does. */
static PyCodeObject *
code_of(_PyInterpreterFrame *frame)
{
    if (_PyFrame_IsIncomplete(frame)) {
        return NULL;
    }
#if PY_VERSION_HEX >= 0x030D0000
    PyCodeObject *code = _PyFrame_GetCode(frame);
#else
    PyCodeObject *code = frame->f_code;
#endif
    return Py_REFCNT(code) > 0 ? code : NULL;
}

/* The thread that holds the lock has a state in any case; one that a C library began has none of its own before it
 * first takes the lock. */
PyThreadState *
frames_own_thread(void)
{
    PyThreadState *thread = version_current_thread();
    if (thread != NULL && thread->native_thread_id == (unsigned long)syscall(SYS_gettid)) {
        return thread;
    }
    return PyGILState_GetThisThreadState();
}

size_t
frames_read(PyThreadState *thread, struct frame *frames, size_t frames_max)
{
    size_t count = 0;
    _PyInterpreterFrame *frame = thread == NULL ? NULL : innermost(thread);
    for (; frame != NULL && count < frames_max; frame = frame->previous) {
        PyCodeObject *code = code_of(frame);
        if (code != NULL) {
            frames[count++] = (struct frame){code, _PyInterpreterFrame_LASTI(frame) * (int)sizeof(_Py_CODEUNIT)};
        }
    }
    return count;
}

/* --- what frames refer to --- */

#if PY_VERSION_HEX >= 0x030E0000
typedef _PyStackRef frame_place;

/* In the lowest bits stands whether the frame borrows, and whether it is an object at all. */
static PyObject *
object_in(frame_place place, bool *has_reference)
{
    *has_reference = (place.bits & 1) == 0;
    return place.bits & 2 ? NULL : (PyObject *)(place.bits & ~(uintptr_t)3);
}

/* How many places are in use; 0: nobody tells. */
static size_t
places_used(const _PyInterpreterFrame *frame)
{
    return frame->stackpointer == NULL ? 0 : (size_t)(frame->stackpointer - frame->localsplus);
}
#else
typedef PyObject *frame_place;

static PyObject *
object_in(frame_place place, bool *has_reference)
{
    *has_reference = true;
    return place;
}

static size_t
places_used(const _PyInterpreterFrame *frame)
{
    return frame->stacktop < 0 ? 0 : (size_t)frame->stacktop;
}
#endif

static void
visit_own(const struct frame_visitor *visitor, PyObject *object, bool has_reference)
{
    if (object != NULL) {
        visitor->visit(visitor->context, object, FRAME_OWN, has_reference);
    }
}

static void
visit_parts(const _PyInterpreterFrame *frame, const struct frame_visitor *visitor)
{
    bool has_own = frame->owner != FRAME_OWNED_BY_GENERATOR; /* else the generator shows it */
#if PY_VERSION_HEX >= 0x030E0000
    bool has_reference;
    PyObject *function = object_in(frame->f_funcobj, &has_reference);
    visit_own(visitor, function, has_own && has_reference);
    PyObject *code = object_in(frame->f_executable, &has_reference);
    visit_own(visitor, code, has_own && has_reference);
#elif PY_VERSION_HEX >= 0x030D0000
    visit_own(visitor, frame->f_funcobj, has_own);
    visit_own(visitor, frame->f_executable, has_own);
#elif PY_VERSION_HEX >= 0x030C0000
    visit_own(visitor, frame->f_funcobj, has_own);
    visit_own(visitor, (PyObject *)frame->f_code, has_own);
#else
    visit_own(visitor, (PyObject *)frame->f_func, has_own);
    visit_own(visitor, (PyObject *)frame->f_code, has_own);
#endif
    visit_own(visitor, frame->f_locals, has_own);
    visit_own(visitor, (PyObject *)frame->frame_obj, has_own);
}

/* Variables are what they are; how high the stack is a frame tells only where it has called Python, or since 3.14. */
static void
visit_places(const _PyInterpreterFrame *frame, const PyCodeObject *code, const struct frame_visitor *visitor)
{
    size_t variables = (size_t)code->co_nlocalsplus, all = variables + (size_t)code->co_stacksize;
    size_t used = places_used(frame);
    bool is_told = used >= variables && used <= all && used != 0;
    bool is_shown = is_told && frame->owner == FRAME_OWNED_BY_GENERATOR;
    for (size_t i = 0; i < (is_told ? used : variables); i++) {
        bool has_reference;
        PyObject *object = object_in(frame->localsplus[i], &has_reference);
        if (object != NULL) {
            visitor->visit(visitor->context, object, (int)i, has_reference && !is_shown);
        }
    }
    for (size_t i = variables; !is_told && i < all; i++) {
        uintptr_t word;
        memcpy(&word, &frame->localsplus[i], sizeof word);
        visitor->visit_word(visitor->context, word & ~(uintptr_t)3, (int)i);
    }
}

/* Until 3.11.1 a frame that was left could be seen while its variables were taken from it. */
static bool
has_safe_places(void)
{
    return Py_Version >= 0x030B01F0;
}

void
frames_visit(PyThreadState *thread, size_t frames_max, const struct frame_visitor *visitor)
{
    _PyInterpreterFrame *frame = thread == NULL || !has_safe_places() ? NULL : innermost(thread);
    for (size_t count = 0; frame != NULL && count < frames_max; frame = frame->previous) {
        PyCodeObject *code = code_of(frame);
        if (code == NULL) {
            continue;
        }
        struct frame entered = {code, _PyInterpreterFrame_LASTI(frame) * (int)sizeof(_Py_CODEUNIT)};
        visitor->enter(visitor->context, &entered);
        visit_parts(frame, visitor);
        visit_places(frame, code, visitor);
        count++;
    }
}

/* --- in words --- */

/* The last characters of a text that is longer: of a path the end says more. */
static void
add_string(struct text *text, PyObject *string, Py_ssize_t characters_max)
{
    if (string == NULL || !PyUnicode_Check(string)) {
        text_add(text, "?");
        return;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(string);
    Py_ssize_t first = length > characters_max ? length - characters_max : 0;
    if (first != 0) {
        text_add(text, "...");
    }
    for (Py_ssize_t i = first; i < length; i++) {
        text_add_character(text, PyUnicode_READ_CHAR(string, i));
    }
}

static void
add_frame(struct text *text, const struct frame *frame)
{
    text_add(text, "  File \"");
    add_string(text, frame->code->co_filename, PATH_CHARACTERS_MAX);
    text_add(text, "\", line ");
    int line = PyCode_Addr2Line(frame->code, frame->offset);
    text_add_number(text, line > 0 ? (uint64_t)line : 0);
    text_add(text, ", in ");
    add_string(text, frame->code->co_qualname, NAME_CHARACTERS_MAX);
    text_add(text, "\n");
}

static const char dots[] = "  ...\n";

/* Whether the line fitted, with room for the dots behind it; else it is not there. */
static bool
add_whole_frame(struct text *text, const struct frame *frame)
{
    char *before = text->at;
    add_frame(text, frame);
    if (text_room(text) >= sizeof dots) {
        return true;
    }
    *before = '\0';
    text->at = before;
    return false;
}

void
frames_write(PyThreadState *thread, struct text *text)
{
    struct frame frames[FRAMES_WRITTEN_MAX + 1];
    size_t count = frames_read(thread, frames, FRAMES_WRITTEN_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        if (i == FRAMES_WRITTEN_MAX || !add_whole_frame(text, &frames[i])) {
            text_add(text, dots);
            return;
        }
    }
    if (count == 0) {
        text_add(text, "  no Python code\n");
    }
}
