/* The Python stack of a thread, read without calling Python, allocating or taking references: from inside an
 * allocation, or from a signal handler.
 *
 *     thread --> innermost frame --> its caller --> ...             each: a code object, and where in it
 *
 * Locking: the thread is the calling one. It need not hold the interpreter lock: nobody else changes its frames.
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

/* Add a line for each frame, innermost first, as many as fit; a line of dots says that there were more. */
void frames_write(PyThreadState *thread, struct text *text);

#endif
