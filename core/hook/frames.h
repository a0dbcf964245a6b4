/* The Python stack of a thread, read without calling Python, allocating or taking references: from inside an
 * allocation, or from a signal handler.
 *
 *     thread --> innermost frame --> its caller --> ...             each: a code object, and where in it
 *
 * Locking: the thread is the calling one, which need not hold the interpreter lock: nobody else changes its frames. Of
 * frames_visit: any thread of the interpreter whose lock is held.
 */
#ifndef QUIRE_HOOK_FRAMES_H
#define QUIRE_HOOK_FRAMES_H

#include "hook/versions.h"

#include "base/text.h"

struct frame {
    PyCodeObject *code; /* the frame's reference: good as long as the frame is not left */
    int offset;         /* in bytes, of the instruction */
};

/* The calling thread's state, also when it has given the interpreter lock up; NULL if it has none. */
PyThreadState *frames_own_thread(void);

/* The innermost frames, at most so many; how many there were. */
size_t frames_read(PyThreadState *thread, struct frame *frames, size_t frames_max);

/* Who is shown what frames refer to. Places count a frame's variables, and behind them its evaluation stack; FRAME_OWN
 * is what belongs to the frame itself: its function, its code, the dictionary of its names, its frame object. */
enum { FRAME_OWN = -1 };
struct frame_visitor {
    void (*enter)(void *context, const struct frame *frame);
    /* has_reference: the frame has one of its own, which nothing else shows; else it borrows, or its generator shows
     * it. */
    void (*visit)(void *context, PyObject *object, int place, bool has_reference);
    /* On the stack of a frame that is at work, where nobody tells how high it is: it may be left from before. */
    void (*visit_word)(void *context, uintptr_t word, int place);
    void *context;
};

/* Innermost first, at most so many frames. */
void frames_visit(PyThreadState *thread, size_t frames_max, const struct frame_visitor *visitor);

/* Add a line for each frame, innermost first, as many as fit; a line of dots says that there were more. */
void frames_write(PyThreadState *thread, struct text *text);

#endif
