/* The process's Python threads, and the memory of their call stacks. Read only.
 *
 * A Python frame lies in a chunk that CPython's arena allocator gave, not in a domain that is served here.
 *
 * Locking: threads run and go under their interpreter's lock, which the caller holds: the main one's. So where a later
 * interpreter may have a lock of its own, its threads are left out. One of C's that begins stands at the list's head
 * before it waits for that lock, with all that it does not have yet NULL.
 */
#include "hook/hook.h"

static PyInterpreterState *
first_interpreter(void)
{
    return VERSION_INTERPRETERS_SHARE_LOCK ? PyInterpreterState_Head() : PyInterpreterState_Main();
}

static PyInterpreterState *
next_interpreter(PyInterpreterState *interpreter)
{
    return VERSION_INTERPRETERS_SHARE_LOCK ? PyInterpreterState_Next(interpreter) : NULL;
}

bool
hook_walk_threads(bool (*visit)(void *context, unsigned long ident), void *context)
{
    PyInterpreterState *interpreter = first_interpreter();
    for (; interpreter != NULL; interpreter = next_interpreter(interpreter)) {
        PyThreadState *thread = PyInterpreterState_ThreadHead(interpreter);
        for (; thread != NULL; thread = PyThreadState_Next(thread)) {
            if (!visit(context, thread->thread_id)) {
                return false;
            }
        }
    }
    return true;
}

static bool
walk_chunks(const PyThreadState *thread, bool (*visit)(void *context, const void *address, size_t size_bytes),
            void *context)
{
    for (version_stack_chunk *chunk = thread->datastack_chunk; chunk != NULL; chunk = chunk->previous) {
        if (!visit(context, chunk, chunk->size)) {
            return false;
        }
    }
    version_stack_chunk *spare = version_spare_stack_chunk(thread);
    return spare == NULL || visit(context, spare, spare->size);
}

bool
hook_walk_frames(bool (*visit)(void *context, const void *address, size_t size_bytes), void *context)
{
    PyInterpreterState *interpreter = first_interpreter();
    for (; interpreter != NULL; interpreter = next_interpreter(interpreter)) {
        PyThreadState *thread = PyInterpreterState_ThreadHead(interpreter);
        for (; thread != NULL; thread = PyThreadState_Next(thread)) {
            if (!walk_chunks(thread, visit, context)) {
                return false;
            }
        }
    }
    return true;
}
