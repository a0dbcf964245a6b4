/* quire._core: structs become Python objects, error codes become exceptions. No logic.
 *
 * Locking: every function here is called with the interpreter lock held.
 */
#ifndef QUIRE_MODULE_MODULE_H
#define QUIRE_MODULE_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "heap/heap.h"
#include "observe/residency.h"

/* heap_type.c: give a module the type Heap, a heap of its own. 0, or -1 with an exception set. */
int module_add_heap_type(PyObject *module);

/* heap_type.c: until when a step goes on, a time of the system's monotonic clock in nanoseconds; 0: until it is done. */
bool module_read_deadline(PyObject *object, uint64_t *deadline_ns);

/* heap_type.c: what a step of a sweep takes, false with an exception set; and what it gave back. */
bool module_read_sweep(PyObject *args, size_t *cursor, struct sweep_limits *limits);
PyObject *module_swept(const struct swept *swept);

/* giving_back.c: give quire._core its functions that give memory back. 0, or -1 with an exception set. */
int module_add_giving_back(PyObject *module);

/* module.c: whether a heap serves the process, else RuntimeError is set; look into it with nobody in it, or that. */
bool module_require_heap(void);
bool module_look(void (*looker)(struct heap *heap, void *result), void *result);

/* proof.c: give it the functions that prove blocks. 0, or -1 with an exception set. */
int module_add_proof(PyObject *module);

/* state.c: what a heap holds, as plain tuples; quire.process.decode gives them names. */
PyObject *module_statistics(const struct heap_statistics *statistics);
PyObject *module_state(struct heap *heap);
PyObject *module_residency(const struct residency *residency);
PyObject *module_mesh_pass(const struct mesh_pass *pass);

/* meshing.c: give it the functions that mesh. 0, or -1 with an exception set. */
int module_add_meshing(PyObject *module);

/* dominators.c: give it what computes over the columns of a snapshot. 0, or -1 with an exception set. */
int module_add_dominators(PyObject *module);
/* snapshot.c: give it the function that takes a snapshot. 0, or -1 with an exception set. */
int module_add_snapshot(PyObject *module);

/* own_files.c: a descriptor of a file of /proc/self, open; the process's threads. OSError if it cannot be. */
PyObject *module_open_own(const char *name);
PyObject *module_own_threads(void);

/* A text, None for NULL. */
static inline PyObject *
text_object(const char *text)
{
    return text == NULL ? Py_NewRef(Py_None) : PyUnicode_FromString(text);
}

/* Append to a list and drop the reference, also when the item could not be made. False with an exception set. */
static inline bool
append(PyObject *list, PyObject *item)
{
    if (item == NULL) {
        return false;
    }
    int status = PyList_Append(list, item);
    Py_DECREF(item);
    return status == 0;
}

/* Make an object of what a walk visits. Up to 3.11 an allocation may run the collector, and with it any code, which
 * could take apart what is walked: so it waits. */
static inline PyObject *
without_collector(PyObject *(*make)(void *context), void *context)
{
    int was_enabled = PyGC_Disable();
    PyObject *made = make(context);
    if (was_enabled) {
        PyGC_Enable();
    }
    return made;
}

/* An address, as Python's integers hold it. */
static inline PyObject *
address_object(const void *address)
{
    return PyLong_FromVoidPtr((void *)address);
}

#endif
