/* The module quire._core: a process served by the heap, and what is resident of it. See module.h. */
#include "module/module.h"

#include "heap/proofs.h"
#include "hook/hook.h"
#include "hook/proof.h"
#include "hook/references.h"
#include "observe/residency.h"
#include "observe/walk.h"

/* --- serving --- */

static PyObject *
method_install(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_ssize_t range_bytes;
    int large_to_previous;
    Py_ssize_t guard_interval = 0;
    if (!PyArg_ParseTuple(args, "np|n:install", &range_bytes, &large_to_previous, &guard_interval)) {
        return NULL;
    }
    const char *refusal = hook_heap() != NULL ? "installed" : hook_refusal();
    if (refusal != NULL) {
        PyErr_SetString(PyExc_RuntimeError, refusal);
        return NULL;
    }
    if (range_bytes <= 0) {
        PyErr_SetString(PyExc_ValueError, "range_bytes must be positive");
        return NULL;
    }
    if (guard_interval < 0 || guard_interval > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "guard_interval must be a number of 31 bits");
        return NULL;
    }
    if (hook_install((size_t)range_bytes, large_to_previous, (uint32_t)guard_interval) != 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyObject *
method_installed(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(hook_heap() != NULL);
}

static PyObject *
method_shared(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(hook_is_shared());
}

static PyObject *
method_refusal(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return text_object(hook_refusal());
}

bool
module_require_heap(void)
{
    if (hook_heap() != NULL) {
        return true;
    }
    PyErr_SetString(PyExc_RuntimeError, "not installed");
    return false;
}

bool
module_look(void (*looker)(struct heap *heap, void *result), void *result)
{
    if (!module_require_heap()) {
        return false;
    }
    hook_look(looker, result);
    return true;
}

static PyObject *
method_watch(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_ssize_t limit_bytes, late_limit_bytes = PY_SSIZE_T_MAX;
    int signal_number;
    double due_seconds = 0;
    if (!PyArg_ParseTuple(args, "ni|nd:watch", &limit_bytes, &signal_number, &late_limit_bytes, &due_seconds)
        || !module_require_heap()) {
        return NULL;
    }
    if (limit_bytes < 0 || signal_number < 0 || late_limit_bytes < 0) {
        PyErr_SetString(PyExc_ValueError, "watch takes limits in bytes and the number of a signal, or 0");
        return NULL;
    }
    hook_watch(signal_number, (size_t)limit_bytes, (size_t)late_limit_bytes, due_seconds);
    Py_RETURN_NONE;
}

/* --- looking: into the heap with nobody in it, then what was seen becomes objects, which may change the heap --- */

static void
look_statistics(struct heap *heap, void *statistics)
{
    heap_statistics(heap, statistics);
}

static PyObject *
method_statistics(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct heap_statistics statistics;
    if (!module_look(look_statistics, &statistics)) {
        return NULL;
    }
    return module_statistics(&statistics);
}

struct seen_guard {
    bool is_there;
    struct guard_statistics guard;
    struct hook_sampling sampling;
};

static void
look_guard(struct heap *Py_UNUSED(heap), void *result)
{
    struct seen_guard *seen = result;
    const struct guard *guard = hook_guard(&seen->sampling);
    seen->is_there = guard != NULL;
    if (guard != NULL) {
        seen->guard = guard_statistics(guard);
    }
}

static PyObject *
method_guard_statistics(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct seen_guard seen;
    if (!module_look(look_guard, &seen)) {
        return NULL;
    }
    if (!seen.is_there) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(Innnnnnn)", seen.sampling.interval, (Py_ssize_t)seen.guard.slots,
                         (Py_ssize_t)seen.guard.allocated, (Py_ssize_t)seen.guard.freed, (Py_ssize_t)seen.guard.lost,
                         (Py_ssize_t)seen.guard.live_bytes, (Py_ssize_t)seen.sampling.sampled,
                         (Py_ssize_t)seen.sampling.skipped);
}

static void
look_check(struct heap *heap, void *result)
{
    const char **broken = result;
    struct hook_sampling sampling;
    const struct guard *guard = hook_guard(&sampling);
    *broken = heap_check(heap);
    if (*broken == NULL && guard != NULL) {
        *broken = guard_check(guard);
    }
}

static PyObject *
method_check(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    const char *broken;
    return module_look(look_check, &broken) ? text_object(broken) : NULL;
}

static void
look_residency(struct heap *heap, void *residency)
{
    struct hook_sampling sampling;
    struct guard *guard = hook_guard(&sampling);
    residency_measure(heap, residency);
    if (guard != NULL) {
        residency_add_guard(guard, residency);
    }
}

static PyObject *
method_residency(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct residency residency;
    if (!module_look(look_residency, &residency)) {
        return NULL;
    }
    return module_residency(&residency);
}

static PyObject *
method_resident_bytes(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *address;
    Py_ssize_t size_bytes;
    if (!PyArg_ParseTuple(args, "O!n:resident_bytes", &PyLong_Type, &address, &size_bytes)) {
        return NULL;
    }
    char *start = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (size_bytes < 0) {
        PyErr_SetString(PyExc_ValueError, "a size must not be negative");
        return NULL;
    }
    return PyLong_FromSize_t(residency_of(start, (size_t)size_bytes));
}

static PyObject *
region_object(const void *address, size_t size_bytes)
{
    return Py_BuildValue("(Nn)", address_object(address), (Py_ssize_t)size_bytes);
}

struct regions {
    size_t count;
    struct mapping *pieces; /* NULL: no memory for them */
};

static bool
add_region(void *context, char *address, size_t size_bytes)
{
    struct regions *regions = context;
    if (size_bytes > 0) { /* a table that nothing needed yet */
        regions->pieces[regions->count++] = (struct mapping){(uintptr_t)address, size_bytes};
    }
    return true;
}

static void
look_regions(struct heap *heap, void *context)
{
    struct regions *regions = context;
    regions->count = 0;
    struct hook_sampling sampling;
    struct guard *guard = hook_guard(&sampling);
    size_t pieces_max = 10 + 2 * heap->totals.extents + heap->mappings.count + heap->kept_count;
    regions->pieces = PyMem_RawCalloc(pieces_max, sizeof(struct mapping));
    if (regions->pieces != NULL) {
        if (guard != NULL) {
            add_region(regions, guard->region, guard->region_bytes);
            add_region(regions, (char *)guard, guard->own_bytes);
        }
        char *range_end = heap->range_address + heap->range_arenas * ARENA_BYTES;
        add_region(regions, (char *)heap->slots, (size_t)(range_end - (char *)heap->slots));
        add_region(regions, (char *)heap, heap->own_bytes);
        add_region(regions, (char *)heap->mappings.places, mapping_table_bytes(&heap->mappings));
        struct proofs_piece pieces[3];
        for (size_t i = proofs_pieces(heap, pieces); i > 0; i--) {
            add_region(regions, pieces[i - 1].address, pieces[i - 1].size_bytes);
        }
        walk_mappings(heap, add_region, regions);
        walk_kept(heap, add_region, regions);
        walk_extents(heap, add_region, regions);
        add_region(regions, (char *)heap->mesh.table, mesh_table_bytes(heap));
        add_region(regions, (char *)heap->survivors.words, survivors_table_bytes(heap));
    }
}

static PyObject *
region_list(const struct regions *regions)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < regions->count; i++) {
        if (!append(list, region_object((const void *)regions->pieces[i].address, regions->pieces[i].size_bytes))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
method_regions(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct regions regions;
    if (!module_look(look_regions, &regions)) {
        return NULL;
    }
    PyObject *list = regions.pieces == NULL ? PyErr_NoMemory() : region_list(&regions);
    PyMem_RawFree(regions.pieces);
    return list;
}

static bool
append_chunk(void *list, const void *address, size_t size_bytes)
{
    return append(list, region_object(address, size_bytes));
}

static PyObject *
chunk_list(void *Py_UNUSED(context))
{
    PyObject *list = PyList_New(0);
    if (list != NULL && !hook_walk_frames(append_chunk, list)) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *
method_frame_chunks(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return without_collector(chunk_list, NULL);
}

static bool
append_ident(void *list, unsigned long ident)
{
    return append(list, PyLong_FromUnsignedLong(ident));
}

static PyObject *
ident_list(void *Py_UNUSED(context))
{
    PyObject *list = PyList_New(0);
    if (list != NULL && !hook_walk_threads(append_ident, list)) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *
method_thread_idents(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return without_collector(ident_list, NULL);
}

static PyObject *
method_libc_statistics(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct libc_accounts accounts;
    if (!hook_libc_accounts(&accounts)) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(nnnn)", (Py_ssize_t)accounts.arena, (Py_ssize_t)accounts.uordblks,
                         (Py_ssize_t)accounts.fordblks, (Py_ssize_t)accounts.hblkhd);
}

static PyObject *
method_open_own(PyObject *Py_UNUSED(self), PyObject *args)
{
    const char *name;
    return PyArg_ParseTuple(args, "s:open_own", &name) ? module_open_own(name) : NULL;
}

static PyObject *
method_own_threads(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return module_own_threads();
}

/* --- the module --- */

static PyMethodDef methods[] = {
    {"install", method_install, METH_VARARGS, NULL},
    {"installed", method_installed, METH_NOARGS, NULL},
    {"shared", method_shared, METH_NOARGS, NULL},
    {"refusal", method_refusal, METH_NOARGS, NULL},
    {"watch", method_watch, METH_VARARGS, NULL},
    {"statistics", method_statistics, METH_NOARGS, NULL},
    {"guard_statistics", method_guard_statistics, METH_NOARGS, NULL},
    {"check", method_check, METH_NOARGS, NULL},
    {"residency", method_residency, METH_NOARGS, NULL},
    {"resident_bytes", method_resident_bytes, METH_VARARGS, NULL},
    {"regions", method_regions, METH_NOARGS, NULL},
    {"frame_chunks", method_frame_chunks, METH_NOARGS, NULL},
    {"thread_idents", method_thread_idents, METH_NOARGS, NULL},
    {"libc_statistics", method_libc_statistics, METH_NOARGS, NULL},
    {"open_own", method_open_own, METH_VARARGS, NULL},
    {"own_threads", method_own_threads, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_add_heap_type},
    {Py_mod_exec, module_add_giving_back},
    {Py_mod_exec, module_add_proof},
    {Py_mod_exec, module_add_meshing},
    {Py_mod_exec, module_add_dominators},
    {Py_mod_exec, module_add_snapshot},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

/* The module is old soon, so the collector comes by only when it goes through all objects; it costs a program nothing
 * else. (gc.get_referrers does so too, and reads as much. A pass of our own reads only as it goes.) */
static int
traverse(PyObject *Py_UNUSED(self), visitproc visit, void *Py_UNUSED(context))
{
    if (!proof_is_visitor(visit) && !references_is_visitor(visit)) {
        hook_note_walk();
    }
    return 0;
}

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "quire._core",
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
