/* Of quire._core: proving blocks, in steps, and telling what each live block is. See module.h.
 *
 *     findings    = (types, 16 bytes a finding: address, index of the type, enum finding; live_blocks)
 *     live_blocks = 16 bytes a block, run or mapping: address, size
 */
#include "module/module.h"

#include "heap/proofs.h"
#include "hook/arrays.h"
#include "hook/collector.h"
#include "hook/freelists.h"
#include "hook/hook.h"
#include "hook/proof.h"
#include "observe/walk.h"

static PyObject *
begin_proof(PyObject *reviewed, bool only_candidates)
{
    if (proof_is_under_way()) {
        PyErr_SetString(PyExc_RuntimeError, "a pass is under way");
        return NULL;
    }
    if (!types_review(reviewed)) {
        if (!proof_is_under_way()) {
            types_forget();
        }
        return NULL;
    }
    const char *reason = hook_heap() == NULL ? "not installed" : proof_begin(only_candidates);
    if (reason != NULL && !proof_is_under_way()) {
        types_forget();
    }
    return text_object(reason);
}

static PyObject *
method_proof_begin(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *reviewed;
    int only_candidates = 0;
    if (!PyArg_ParseTuple(args, "O|p:proof_begin", &reviewed, &only_candidates)) {
        return NULL;
    }
    return begin_proof(reviewed, only_candidates);
}

/* What the first pass needs to find out, which may run the program's code: why there can be none, or None. */
static PyObject *
method_proof_prepare(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    hook_note_filters();
    return text_object(collector_find());
}

static PyObject *
method_proof_step(PyObject *Py_UNUSED(self), PyObject *object)
{
    static const char *const states[] = {"done", "goes on", "waits", "void"};
    uint64_t deadline_ns;
    return module_read_deadline(object, &deadline_ns) ? text_object(states[proof_step(deadline_ns)]) : NULL;
}

static PyObject *
method_proof_counts(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct proof_counts counts = proof_counts();
    return Py_BuildValue("(nnnn)", (Py_ssize_t)counts.owners, (Py_ssize_t)counts.references, (Py_ssize_t)counts.vetoed,
                         (Py_ssize_t)counts.work_max);
}

static PyObject *
method_proof_has(PyObject *Py_UNUSED(self), PyObject *address)
{
    const void *inside = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred()) {
        return NULL;
    }
    size_t block_bytes;
    const void *block = proof_is_under_way() ? proofs_block(hook_heap(), inside, &block_bytes) : NULL;
    return PyBool_FromLong(block != NULL && proofs_has(hook_heap(), block));
}

static PyObject *
method_proof_release(PyObject *Py_UNUSED(self), PyObject *object)
{
    uint64_t deadline_ns;
    return module_read_deadline(object, &deadline_ns) ? PyBool_FromLong(proof_release(deadline_ns)) : NULL;
}

/* How many tuples of so many items have gone from CPython's free list to the heap. */
static PyObject *
method_renew_free_list(PyObject *Py_UNUSED(self), PyObject *object)
{
    Py_ssize_t items = PyLong_AsSsize_t(object);
    if (items < 1 || items > FREELISTS_ITEMS_MAX) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "items must be from 1 to %d", FREELISTS_ITEMS_MAX);
    }
    return PyLong_FromSize_t(freelists_renew(items));
}

static PyObject *
method_proof_end(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    proof_end();
    Py_RETURN_NONE;
}

/* --- what is live --- */

struct live {
    uint64_t (*items)[2];
    size_t count;
    size_t room;
};

static bool
add_live(void *context, char *address, size_t size_bytes)
{
    struct live *live = context;
    void *items = array_grown(live->items, live->count, &live->room, sizeof *live->items);
    if (items == NULL) {
        return false;
    }
    live->items = items;
    live->items[live->count][0] = (uintptr_t)address;
    live->items[live->count++][1] = size_bytes;
    return true;
}

struct live_look {
    struct live live;
    bool is_whole;
};

static void
look_live(struct heap *heap, void *context)
{
    struct live_look *look = context;
    look->is_whole = walk_live(heap, add_live, &look->live);
}

static struct live_look
look_at_live(void)
{
    struct live_look look = {0};
    hook_look(look_live, &look);
    return look;
}

static PyObject *
live_object(struct live_look *look)
{
    Py_ssize_t size_bytes = (Py_ssize_t)(look->live.count * sizeof *look->live.items);
    PyObject *blocks = look->is_whole ? PyBytes_FromStringAndSize((const char *)look->live.items, size_bytes)
                                      : PyErr_NoMemory();
    PyMem_RawFree(look->live.items);
    return blocks;
}

static PyObject *
method_live_blocks(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    if (hook_heap() == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "not installed");
        return NULL;
    }
    struct live_look look = look_at_live();
    return live_object(&look);
}

/* --- findings: a whole pass at once --- */

struct record {
    uint64_t address;
    uint32_t type;
    uint32_t finding;
};
static_assert(sizeof(struct record) == 16, "quire.process.blocks reads it");

struct records {
    struct record *items;
    size_t count;
    size_t room;
    PyTypeObject **types; /* held */
    size_t types_count;
    size_t types_room; /* a power of two; their table has twice as many places */
    uint32_t *places;  /* by address: one more than the type's index, 0: unused */
    bool is_short_of_memory;
};

static size_t
place_of_type(const struct records *records, const PyTypeObject *type)
{
    size_t mask = records->types_room * 2 - 1;
    size_t place = (size_t)(((uintptr_t)type * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
    while (records->places[place] != 0 && records->types[records->places[place] - 1] != type) {
        place = (place + 1) & mask;
    }
    return place;
}

static bool
make_room_for_type(struct records *records)
{
    if (records->types_count < records->types_room) {
        return true;
    }
    size_t room = records->types_room == 0 ? 1024 : records->types_room * 2;
    PyTypeObject **types = PyMem_RawRealloc(records->types, room * sizeof *types);
    uint32_t *places = PyMem_RawRealloc(records->places, room * 2 * sizeof *places);
    records->types = types != NULL ? types : records->types;
    records->places = places != NULL ? places : records->places;
    if (types == NULL || places == NULL) {
        return false;
    }
    records->types_room = room;
    memset(records->places, 0, room * 2 * sizeof *places);
    for (size_t i = 0; i < records->types_count; i++) {
        records->places[place_of_type(records, types[i])] = (uint32_t)i + 1;
    }
    return true;
}

static bool
make_room_for_record(struct records *records)
{
    struct record *items = array_grown(records->items, records->count, &records->room, sizeof *items);
    records->items = items != NULL ? items : records->items;
    return items != NULL;
}

static uint32_t
index_of_type(struct records *records, PyTypeObject *type)
{
    uint32_t *place = &records->places[place_of_type(records, type)];
    if (*place == 0) {
        records->types[records->types_count++] = (PyTypeObject *)Py_NewRef((PyObject *)type);
        *place = (uint32_t)records->types_count;
    }
    return *place - 1;
}

static void
record(void *context, const void *address, enum finding finding, PyTypeObject *type)
{
    struct records *records = context;
    if (records->is_short_of_memory || !heap_owns(hook_heap(), address)) {
        return;
    }
    if (!make_room_for_type(records) || !make_room_for_record(records)) {
        records->is_short_of_memory = true;
        return;
    }
    uint32_t index = index_of_type(records, type);
    records->items[records->count++] = (struct record){(uintptr_t)address, index, finding};
}

static PyObject *
records_object(const struct records *records, struct live_look *look)
{
    PyObject *types = PyList_New(0);
    for (size_t i = 0; types != NULL && i < records->types_count; i++) {
        if (PyList_Append(types, (PyObject *)records->types[i]) != 0) {
            Py_CLEAR(types);
        }
    }
    Py_ssize_t size_bytes = (Py_ssize_t)(records->count * sizeof(struct record));
    PyObject *live = live_object(look);
    if (types == NULL || live == NULL) {
        Py_XDECREF(types);
        Py_XDECREF(live);
        return NULL;
    }
    return Py_BuildValue("(Ny#N)", types, (const char *)records->items, size_bytes, live);
}

static void
release_records(struct records *records)
{
    for (size_t i = 0; i < records->types_count; i++) {
        Py_DECREF((PyObject *)records->types[i]);
    }
    PyMem_RawFree(records->items);
    PyMem_RawFree(records->types);
    PyMem_RawFree(records->places);
}

static PyObject *
method_findings(PyObject *Py_UNUSED(self), PyObject *reviewed)
{
    PyObject *reason = begin_proof(reviewed, false);
    if (reason != Py_None) {
        return reason;
    }
    Py_DECREF(reason);
    struct records records = {0};
    proof_tell(record, &records);
    enum proof_state state = proof_step(0);
    struct live_look look = look_at_live();
    proof_end();
    PyObject *result = NULL;
    if (state == PROOF_DONE && !records.is_short_of_memory) {
        result = records_object(&records, &look);
    } else {
        PyMem_RawFree(look.live.items);
        result = state == PROOF_DONE ? PyErr_NoMemory() : text_object("the collector is at work");
    }
    release_records(&records);
    return result;
}

/* --- */

static PyMethodDef methods[] = {
    {"proof_begin", method_proof_begin, METH_VARARGS, NULL},
    {"proof_prepare", method_proof_prepare, METH_NOARGS, NULL},
    {"proof_step", method_proof_step, METH_O, NULL},
    {"proof_counts", method_proof_counts, METH_NOARGS, NULL},
    {"proof_has", method_proof_has, METH_O, NULL},
    {"proof_release", method_proof_release, METH_O, NULL},
    {"renew_free_list", method_renew_free_list, METH_O, NULL},
    {"proof_end", method_proof_end, METH_NOARGS, NULL},
    {"findings", method_findings, METH_O, NULL},
    {"live_blocks", method_live_blocks, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int
module_add_proof(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
