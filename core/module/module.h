/* quire._core: structs become Python objects, error codes become exceptions. No logic.
 *
 * Locking: every function here is called with the interpreter lock held.
 */
#ifndef QUIRE_MODULE_MODULE_H
#define QUIRE_MODULE_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "heap/heap.h"

/* heap_type.c: the type Heap, a heap of its own. */
extern PyType_Spec module_heap_spec;

/* state.c: what a heap holds, as plain tuples; quire.process.decode gives them names. */
PyObject *module_statistics(struct heap *heap);
PyObject *module_state(struct heap *heap);
PyObject *module_residency(struct heap *heap);

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

/* An address, as Python's integers hold it. */
static inline PyObject *
address_object(const void *address)
{
    return PyLong_FromVoidPtr((void *)address);
}

#endif
