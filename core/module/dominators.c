/* quire._core's part that computes over the columns of a snapshot, given as buffers. See module.h.
 *
 * The lock is let go meanwhile. The buffers are held, so they stay where they are; nobody may write in them, though.
 */
#include "module/module.h"

#include "observe/dominators.h"

enum { EDGE_END, EDGE_TO, ROOTS, DOMINATOR, PLACE, BELOW, COLUMNS };

static const size_t item_bytes[COLUMNS] = {
    sizeof(uint64_t), sizeof(uint32_t), sizeof(uint32_t), sizeof(uint32_t), sizeof(uint32_t), sizeof(uint32_t)};

static bool
is_column(const Py_buffer *column, size_t its_item_bytes)
{
    return (size_t)column->len % its_item_bytes == 0 && (uintptr_t)column->buf % its_item_bytes == 0;
}

static size_t
items(const Py_buffer *columns, size_t index)
{
    return (size_t)columns[index].len / item_bytes[index];
}

/* Whether they are columns, those of the tree as long as that of the objects. */
static bool
fit(const Py_buffer *columns)
{
    bool do_fit = true;
    for (size_t i = 0; i < COLUMNS; i++) {
        do_fit &= is_column(&columns[i], item_bytes[i]);
    }
    for (size_t i = DOMINATOR; i < COLUMNS; i++) {
        do_fit &= items(columns, i) == items(columns, EDGE_END);
    }
    return do_fit && items(columns, EDGE_END) < NO_ROW;
}

static struct object_graph
graph_of(const Py_buffer *columns)
{
    return (struct object_graph){
        .count = (uint32_t)items(columns, EDGE_END),
        .edge_count = items(columns, EDGE_TO),
        .edge_end = columns[EDGE_END].buf,
        .edge_to = columns[EDGE_TO].buf,
        .roots = columns[ROOTS].buf,
        .root_count = items(columns, ROOTS),
    };
}

enum outcome { FOUND, UNSOUND, NO_MEMORY };

/* Without the interpreter lock. */
static enum outcome
find(const Py_buffer *columns)
{
    struct object_graph graph = graph_of(columns);
    if (!object_graph_is_sound(&graph)) {
        return UNSOUND;
    }
    void *work = PyMem_RawMalloc(dominators_work_bytes(&graph));
    if (work == NULL) {
        return NO_MEMORY;
    }
    struct dominator_tree tree = {columns[DOMINATOR].buf, columns[PLACE].buf, columns[BELOW].buf};
    dominators_find(&graph, &tree, work);
    PyMem_RawFree(work);
    return FOUND;
}

static PyObject *
find_without_lock(const Py_buffer *columns)
{
    enum outcome outcome = UNSOUND;
    if (fit(columns)) {
        Py_BEGIN_ALLOW_THREADS
        outcome = find(columns);
        Py_END_ALLOW_THREADS
    }
    if (outcome == NO_MEMORY) {
        return PyErr_NoMemory();
    }
    if (outcome == UNSOUND) {
        PyErr_SetString(PyExc_ValueError, "the columns do not fit together");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
method_dominators(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_buffer columns[COLUMNS] = {0};
    PyObject *result = NULL;
    if (PyArg_ParseTuple(args, "y*y*y*w*w*w*:dominators", &columns[EDGE_END], &columns[EDGE_TO], &columns[ROOTS],
                         &columns[DOMINATOR], &columns[PLACE], &columns[BELOW])) {
        result = find_without_lock(columns);
        for (size_t i = 0; i < COLUMNS; i++) {
            PyBuffer_Release(&columns[i]);
        }
    }
    return result;
}

static PyMethodDef methods[] = {
    {"dominators", method_dominators, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int
module_add_dominators(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
