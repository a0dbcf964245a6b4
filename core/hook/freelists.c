/* See freelists.h. */
#include "hook/freelists.h"

enum { KEPT_MAX = 2000, FEW = 256, COLLECTOR_HEADER_BYTES = 16 };

/* A block that was just freed is the next one that the heap hands out: by that a new tuple is told from a kept one. */
static char *
next_block(Py_ssize_t items)
{
    size_t size_bytes = (size_t)(COLLECTOR_HEADER_BYTES + PyTuple_Type.tp_basicsize + items * PyTuple_Type.tp_itemsize);
    void *block = PyObject_Malloc(size_bytes);
    PyObject_Free(block);
    return block;
}

static PyObject *
new_tuple(Py_ssize_t items)
{
    PyObject *tuple = PyTuple_New(items);
    if (tuple == NULL) {
        PyErr_Clear();
    }
    return tuple;
}

static void
drop(PyObject **tuples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Py_DECREF(tuples[i]);
    }
}

/* How many; the one behind them is new, or NULL. */
static size_t
take_kept(Py_ssize_t items, PyObject **tuples)
{
    const char *next = next_block(items);
    size_t taken = 0;
    tuples[0] = new_tuple(items);
    while (taken < KEPT_MAX && tuples[taken] != NULL && (char *)tuples[taken] - COLLECTOR_HEADER_BYTES != next) {
        tuples[++taken] = new_tuple(items);
    }
    return taken;
}

static size_t
renew(Py_ssize_t items, PyObject **tuples)
{
    size_t taken = take_kept(items, tuples);
    size_t count = taken + (tuples[taken] != NULL);
    if (taken < FEW || tuples[taken] == NULL) {
        drop(tuples, count);
        return 0;
    }
    for (PyObject *tuple; count < taken + KEPT_MAX && (tuple = new_tuple(items)) != NULL; count++) {
        tuples[count] = tuple;
    }
    drop(&tuples[taken], count - taken);
    drop(tuples, taken);
    return taken;
}

size_t
freelists_renew(Py_ssize_t items)
{
    PyObject **tuples = PyMem_RawMalloc(2 * KEPT_MAX * sizeof *tuples);
    size_t renewed = tuples == NULL ? 0 : renew(items, tuples);
    PyMem_RawFree(tuples);
    return renewed;
}
