/* Who holds objects from outside of all objects: the frames of threads, what threads and the interpreter keep for
 * themselves.
 *
 *     thread       frame, frame ...: variables, the evaluation stack, the function
 *                  its own: thread-locals, the context, the exception that is handled
 *     interpreter  sys, builtins, codecs, hooks
 *
 * Nothing of Python's is made or changed for it: no frame object comes to be, as sys._current_frames() would have.
 *
 * Callers: snapshot*.c. Locking: the interpreter lock; other interpreters' threads are left out. libc is asked for
 * memory.
 */
#ifndef QUIRE_HOOK_ROOTS_H
#define QUIRE_HOOK_ROOTS_H

#include "hook/versions.h"

/* Of frames, the innermost of each thread. Who is held by others is found to be held by something unseen. */
enum { ROOT_FRAMES_MAX = 10000, ROOT_FRAMES_OF_THREAD_MAX = 5000 };
#define ROOT_NO_FRAME UINT32_MAX

struct root_frame {
    unsigned long thread; /* as threading.get_ident() */
    PyCodeObject *code; /* held, from roots_hold on */
    int offset; /* of the instruction, in bytes */
};

struct root {
    PyObject *object;
    const char *name; /* of what holds it; NULL: a place of the frame */
    unsigned long thread; /* whose it is; 0: the interpreter's */
    uint32_t frame; /* its number; ROOT_NO_FRAME */
    int place; /* as frames.h counts places */
    bool has_reference; /* which the object's count counts, and nothing else shows */
    bool is_word; /* it may be left from before, and be anything */
};

struct roots {
    struct root_frame *frames;
    size_t frames_count, frames_max;
    struct root *items;
    size_t count, max;
    unsigned long thread; /* that is looked at */
    bool is_held;
    bool is_short_of_memory;
};

void roots_find(struct roots *roots);

/* Keep the frames' code, which others may end once the lock goes. */
void roots_hold(struct roots *roots);
void roots_release(struct roots *roots);

/* The variable that a root is, as a string; NULL: it is none. */
PyObject *roots_variable(const struct roots *roots, const struct root *root);

#endif
