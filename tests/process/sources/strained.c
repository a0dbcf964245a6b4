/* A strain on the domains: threads made in C, which hand the interpreter lock over, and each other their blocks.
 *
 *     threads --(with the lock)-----> mem and object domains: blocks lie in a box that all of them put in and take from
 *             --(without the lock)--> raw domain and libc: blocks of each thread's own
 *
 * Every block is filled with a mark, and looked at before it is resized or freed.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_MAX = 32, BOX_PLACES = 600, OWN_PLACES = 16, EXCHANGES = 12 };

struct block {
    unsigned char *address; /* NULL: none */
    size_t size_bytes;
    unsigned char mark;
};

struct functions {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
};

static const struct functions with_lock[] = {
    {PyMem_Malloc, PyMem_Calloc, PyMem_Realloc, PyMem_Free},
    {PyObject_Malloc, PyObject_Calloc, PyObject_Realloc, PyObject_Free},
};
static const struct functions without_lock[] = {
    {PyMem_RawMalloc, PyMem_RawCalloc, PyMem_RawRealloc, PyMem_RawFree},
    {malloc, calloc, realloc, free},
};

struct worker {
    uint64_t random;
    pthread_t thread;
    int rounds;
    PyObject *callback;
    const struct functions *functions; /* of its own blocks, a pair of domains */
    struct block own[2][OWN_PLACES];
    PyThreadState *state; /* NULL: none of its own */
};

static struct block box[BOX_PLACES]; /* guarded by the interpreter lock, as the domains are */
static atomic_int damaged;

static uint64_t
draw(struct worker *worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return worker->random >> 8;
}

/* Mostly small, some of a pool for large blocks or a run, a few with mappings of their own. */
static size_t
draw_size(struct worker *worker)
{
    static const size_t size_bytes_max[] = {64, 64, 512, 512, 512, 512, 512, 4096, 4096, 8192, 40000, 500000};
    return draw(worker) % size_bytes_max[draw(worker) % (sizeof size_bytes_max / sizeof size_bytes_max[0])] + 1;
}

/* --- blocks --- */

static bool
holds(const unsigned char *address, size_t size_bytes, unsigned char mark)
{
    return size_bytes == 0 || (address[0] == mark && memcmp(address, address + 1, size_bytes - 1) == 0);
}

static void
look_at(const struct block *block)
{
    if (!holds(block->address, block->size_bytes, block->mark)) {
        damaged++;
    }
}

static void
fill(struct worker *worker, struct block *block, size_t size_bytes)
{
    block->size_bytes = size_bytes;
    block->mark = (unsigned char)draw(worker);
    memset(block->address, block->mark, size_bytes);
}

static void
make(struct worker *worker, const struct functions *functions, struct block *block)
{
    size_t size_bytes = draw_size(worker);
    bool is_zeroed = draw(worker) % 3 == 0;
    block->address = is_zeroed ? functions->calloc(1, size_bytes) : functions->malloc(size_bytes);
    if (block->address == NULL) {
        return;
    }
    if (is_zeroed && !holds(block->address, size_bytes, 0)) {
        damaged++;
    }
    fill(worker, block, size_bytes);
}

static void
resize(struct worker *worker, const struct functions *functions, struct block *block)
{
    size_t size_bytes = draw_size(worker);
    unsigned char *moved = functions->realloc(block->address, size_bytes);
    if (moved == NULL) {
        return;
    }
    block->address = moved;
    if (!holds(moved, size_bytes < block->size_bytes ? size_bytes : block->size_bytes, block->mark)) {
        damaged++;
    }
    fill(worker, block, size_bytes);
}

static void
drop(const struct functions *functions, struct block *block)
{
    look_at(block);
    functions->free(block->address);
    block->address = NULL;
}

static void
change(struct worker *worker, const struct functions *functions, struct block *block)
{
    if (block->address == NULL) {
        make(worker, functions, block);
    } else if (draw(worker) % 3 == 0) {
        resize(worker, functions, block);
    } else {
        drop(functions, block);
    }
}

/* --- threads --- */

/* Whoever made the block, and whichever domain it came from: extensions mix these two. */
static void
change_in_box(struct worker *worker)
{
    change(worker, &with_lock[draw(worker) % 2], &box[draw(worker) % BOX_PLACES]);
}

static void
change_own(struct worker *worker)
{
    size_t kind = draw(worker) % 2;
    change(worker, &worker->functions[kind], &worker->own[kind][draw(worker) % OWN_PLACES]);
}

static void
repeat(struct worker *worker, void (*act)(struct worker *worker))
{
    for (int i = 0; i < EXCHANGES; i++) {
        act(worker);
    }
}

static void
drop_own(struct worker *worker)
{
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t place = 0; place < OWN_PLACES; place++) {
            if (worker->own[kind][place].address != NULL) {
                drop(&worker->functions[kind], &worker->own[kind][place]);
            }
        }
    }
}

/* Python code hands the lock over wherever another thread asks for it. */
static void
run_python(struct worker *worker)
{
    PyObject *result = PyObject_CallNoArgs(worker->callback);
    if (result == NULL) {
        PyErr_WriteUnraisable(worker->callback);
    }
    Py_XDECREF(result);
}

/* With a state of its own, else with one that is made now and dropped again. */
static PyGILState_STATE
take_lock(const struct worker *worker)
{
    if (worker->state == NULL) {
        return PyGILState_Ensure();
    }
    PyEval_RestoreThread(worker->state);
    return PyGILState_LOCKED;
}

static void
release_lock(const struct worker *worker, PyGILState_STATE state)
{
    if (worker->state == NULL) {
        PyGILState_Release(state);
    } else {
        PyEval_SaveThread();
    }
}

static void *
live(void *context)
{
    struct worker *worker = context;
    for (int round = 0; round < worker->rounds; round++) {
        PyGILState_STATE state = take_lock(worker);
        repeat(worker, change_in_box);
        Py_BEGIN_ALLOW_THREADS
        repeat(worker, change_own);
        Py_END_ALLOW_THREADS
        repeat(worker, change_in_box);
        if (round % 8 == 0) {
            run_python(worker);
        }
        release_lock(worker, state);
        repeat(worker, change_own);
    }
    drop_own(worker);
    return NULL;
}

static void *
live_without_lock(void *context)
{
    struct worker *worker = context;
    for (int round = 0; round < worker->rounds; round++) {
        repeat(worker, change_own);
    }
    drop_own(worker);
    return NULL;
}

static void
live_together(struct worker *workers, int threads, void *(*live)(void *))
{
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < threads; i++) {
        pthread_create(&workers[i].thread, NULL, live, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    Py_END_ALLOW_THREADS
}

static void
drop_states(struct worker *workers, int threads)
{
    for (int i = 0; i < threads; i++) {
        if (workers[i].state != NULL) {
            PyThreadState_Clear(workers[i].state);
            PyThreadState_Delete(workers[i].state);
        }
    }
}

/* strain(threads, rounds, seed, callback, has_states): how many blocks were not as they had been left. Without a
 * callback, the threads use the mem and object domains without the lock, as nobody may but where the heap is guarded.
 * With has_states, their thread states are made and dropped here, with the lock. */
static PyObject *
strain(PyObject *Py_UNUSED(self), PyObject *args)
{
    static struct worker workers[THREADS_MAX];
    int threads, rounds;
    unsigned int seed;
    PyObject *callback = NULL;
    int has_states = 0;
    if (!PyArg_ParseTuple(args, "iiI|Op", &threads, &rounds, &seed, &callback, &has_states) || threads > THREADS_MAX) {
        return NULL;
    }
    for (int i = 0; i < threads; i++) {
        uint64_t random = ((uint64_t)seed * THREADS_MAX + (uint64_t)i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        const struct functions *functions = callback != NULL ? without_lock : with_lock;
        workers[i] = (struct worker){random, .rounds = rounds, .callback = callback, .functions = functions};
        workers[i].state = has_states ? PyThreadState_New(PyInterpreterState_Get()) : NULL;
    }
    live_together(workers, threads, callback != NULL ? live : live_without_lock);
    drop_states(workers, threads);
    return PyLong_FromLong(damaged);
}

/* drain(): free what is left in the box; how many blocks were damaged in all. */
static PyObject *
drain(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    for (size_t place = 0; place < BOX_PLACES; place++) {
        if (box[place].address != NULL) {
            drop(&with_lock[place % 2], &box[place]);
        }
    }
    return PyLong_FromLong(damaged);
}

/* --- a fork in a thread that Python does not know --- */

/* The child has this thread alone, and nobody has the lock: it is given a state of its own, and goes on with Python. */
static void *
fork_and_run(void *callback)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        PyGILState_Ensure();
        PyObject *result = PyObject_CallNoArgs(callback);
        if (result == NULL) {
            PyErr_Print();
        }
        _exit(result == Py_True ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return (void *)(intptr_t)status;
}

/* fork_in_thread(callback): the status of a child that was forked in a C thread and calls the callback. */
static PyObject *
fork_in_thread(PyObject *Py_UNUSED(self), PyObject *callback)
{
    pthread_t thread;
    void *status;
    Py_BEGIN_ALLOW_THREADS
    pthread_create(&thread, NULL, fork_and_run, callback);
    pthread_join(thread, &status);
    Py_END_ALLOW_THREADS
    return PyLong_FromLong((long)(intptr_t)status);
}

static PyMethodDef methods[] = {
    {"strain", strain, METH_VARARGS, NULL},
    {"drain", drain, METH_NOARGS, NULL},
    {"fork_in_thread", fork_in_thread, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "strained", .m_methods = methods};

PyMODINIT_FUNC
PyInit_strained(void)
{
    return PyModuleDef_Init(&definition);
}
