/* The type Heap: a heap of its own, for Python.
 *
 * The interpreter lock is the heap's lock. What an address is to the heap is checked before anything is done with
 * it, so that no mistake of the caller's breaks the heap.
 */
#include "module/module.h"

#include "heap/proofs.h"
#include "heap/structs.h"

#include <errno.h>

struct heap_object {
    PyObject_HEAD
    struct heap *heap;
};

static struct heap *
heap_of(PyObject *self)
{
    return ((struct heap_object *)self)->heap;
}

/* --- arguments --- */

static int
convert_size(PyObject *object, void *size_bytes)
{
    Py_ssize_t value = PyNumber_AsSsize_t(object, PyExc_MemoryError);
    if (value == -1 && PyErr_Occurred()) {
        return 0;
    }
    if (value < 0) {
        PyErr_SetString(PyExc_ValueError, "a size must not be negative");
        return 0;
    }
    *(size_t *)size_bytes = (size_t)value;
    return 1;
}

/* What is too large for an address is none: nothing begins at NULL. */
static int
convert_address(PyObject *object, void *address)
{
    *(void **)address = PyLong_AsVoidPtr(object);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
    }
    return !PyErr_Occurred();
}

static int
convert_domain(PyObject *object, void *domain)
{
    long value = PyLong_AsLong(object);
    if (value < 0 || value >= DOMAINS) {
        PyErr_SetString(PyExc_ValueError, "no such domain");
        return 0;
    }
    *(unsigned *)domain = (unsigned)value;
    return 1;
}

/* --- making and ending --- */

static PyObject *
heap_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    size_t range_bytes;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "Heap takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O&:Heap", convert_size, &range_bytes)) {
        return NULL;
    }
    if (range_bytes == 0) {
        PyErr_SetString(PyExc_ValueError, "range_bytes must be positive");
        return NULL;
    }
    struct heap_object *self = (struct heap_object *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    if (heap_create(range_bytes, &self->heap) != 0) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void
heap_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (heap_of(self) != NULL) {
        heap_destroy(heap_of(self));
    }
    type->tp_free(self);
    Py_DECREF(type);
}

/* --- requests --- */

static PyObject *
address_or_no_memory(void *address)
{
    return address == NULL ? PyErr_NoMemory() : address_object(address);
}

static PyObject *
heap_method_allocate(PyObject *self, PyObject *args)
{
    size_t size_bytes;
    unsigned domain = 0;
    if (!PyArg_ParseTuple(args, "O&|O&:allocate", convert_size, &size_bytes, convert_domain, &domain)) {
        return NULL;
    }
    return address_or_no_memory(heap_allocate(heap_domain(heap_of(self), domain), size_bytes));
}

static PyObject *
heap_method_allocate_zeroed(PyObject *self, PyObject *args)
{
    size_t count, size_bytes;
    unsigned domain = 0;
    if (!PyArg_ParseTuple(args, "O&O&|O&:allocate_zeroed", convert_size, &count, convert_size, &size_bytes,
                          convert_domain, &domain)) {
        return NULL;
    }
    return address_or_no_memory(heap_allocate_zeroed(heap_domain(heap_of(self), domain), count, size_bytes));
}

/* Sets LookupError unless the address is the start of an allocated block; its argument is the standing. */
static bool
demand_allocated(struct heap *heap, const void *address)
{
    enum standing standing = heap_standing(heap, address);
    if (standing == STANDING_ALLOCATED) {
        return true;
    }
    PyErr_SetObject(PyExc_LookupError, standing == STANDING_FREE ? Py_True : Py_False);
    return false;
}

static PyObject *
heap_method_reallocate(PyObject *self, PyObject *args)
{
    void *address;
    size_t size_bytes;
    unsigned domain = 0;
    if (!PyArg_ParseTuple(args, "O&O&|O&:reallocate", convert_address, &address, convert_size, &size_bytes,
                          convert_domain, &domain)
        || !demand_allocated(heap_of(self), address)) {
        return NULL;
    }
    return address_or_no_memory(heap_reallocate(heap_domain(heap_of(self), domain), address, size_bytes));
}

static PyObject *
heap_method_free(PyObject *self, PyObject *object)
{
    void *address;
    if (!convert_address(object, &address) || !demand_allocated(heap_of(self), address)) {
        return NULL;
    }
    heap_free(heap_domain(heap_of(self), 0), address);
    Py_RETURN_NONE;
}

static PyObject *
heap_method_size_of(PyObject *self, PyObject *object)
{
    void *address;
    if (!convert_address(object, &address) || !demand_allocated(heap_of(self), address)) {
        return NULL;
    }
    return PyLong_FromSize_t(heap_size_of(heap_of(self), address));
}

/* --- giving back --- */

bool
module_read_deadline(PyObject *object, uint64_t *deadline_ns)
{
    *deadline_ns = PyLong_AsUnsignedLongLong(object);
    return !PyErr_Occurred();
}

static int
convert_deadline(PyObject *object, void *deadline_ns)
{
    return module_read_deadline(object, deadline_ns);
}

bool
module_read_sweep(PyObject *args, size_t *cursor, struct sweep_limits *limits)
{
    int only_notes = 0;
    if (!PyArg_ParseTuple(args, "O&O&O&O&I|p:sweep", convert_size, cursor, convert_size, &limits->slots_max,
                          convert_deadline, &limits->deadline_ns, convert_size, &limits->reserve_bytes,
                          &limits->live_percent_max, &only_notes)) {
        return false;
    }
    limits->only_notes = only_notes;
    return true;
}

PyObject *
module_swept(const struct swept *swept)
{
    return Py_BuildValue("(nnnnnnnN)", (Py_ssize_t)swept->cursor, (Py_ssize_t)swept->empty_pool_bytes,
                         (Py_ssize_t)swept->hole_bytes, (Py_ssize_t)swept->kept_bytes, (Py_ssize_t)swept->page_bytes,
                         (Py_ssize_t)swept->young_bytes, (Py_ssize_t)swept->young_pools,
                         PyBool_FromLong(swept->is_refused));
}

static PyObject *
heap_method_sweep(PyObject *self, PyObject *args)
{
    size_t cursor;
    struct sweep_limits limits;
    if (!module_read_sweep(args, &cursor, &limits)) {
        return NULL;
    }
    struct swept swept = heap_sweep(heap_of(self), cursor, &limits);
    return module_swept(&swept);
}

/* --- meshing: one pass at a time, by steps; the caller says what is proven --- */

static PyObject *
none_or_error(int error)
{
    if (error == 0) {
        Py_RETURN_NONE;
    }
    if (error == ENOMEM) {
        return PyErr_NoMemory();
    }
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *
heap_method_mesh_begin(PyObject *self, PyObject *args)
{
    struct mesh_options options;
    int only_at_rest;
    if (!PyArg_ParseTuple(args, "IO&p:mesh_begin", &options.live_percent_max, convert_size, &options.pools_max,
                          &only_at_rest)) {
        return NULL;
    }
    options.only_at_rest = only_at_rest;
    return none_or_error(mesh_begin(heap_of(self), &options));
}

/* Of how many parts a step has at most, and until when it goes on. */
static bool
parse_limits(PyObject *args, struct mesh_limits *limits)
{
    limits->deadline_ns = 0;
    return PyArg_ParseTuple(args, "O&|O&", convert_size, &limits->parts_max, convert_deadline, &limits->deadline_ns);
}

static PyObject *
heap_method_mesh_step(PyObject *self, PyObject *args)
{
    struct mesh_limits limits;
    return parse_limits(args, &limits) ? PyLong_FromLong(mesh_step(heap_of(self), &limits)) : NULL;
}

static PyObject *
heap_method_mesh_settle(PyObject *self, PyObject *args)
{
    struct mesh_places places;
    if (!PyArg_ParseTuple(args, "O&O&O&:mesh_settle", convert_size, &places.piece_bytes, convert_size, &places.extents_max,
                          convert_size, &places.mappings_max)) {
        return NULL;
    }
    return none_or_error(mesh_settle(heap_of(self), &places));
}

static PyObject *
heap_method_mesh_abandon(PyObject *self, PyObject *args)
{
    struct mesh_limits limits;
    return parse_limits(args, &limits) ? PyBool_FromLong(mesh_abandon(heap_of(self), &limits)) : NULL;
}

static PyObject *
heap_method_mesh_pass(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return module_mesh_pass(mesh_last_pass(heap_of(self)));
}

static PyObject *
heap_method_mesh_renew(PyObject *self, PyObject *args)
{
    struct mesh_limits limits;
    return parse_limits(args, &limits) ? PyBool_FromLong(mesh_renew(heap_of(self), &limits)) : NULL;
}

static PyObject *
heap_method_mesh_untouch(PyObject *self, PyObject *args)
{
    struct mesh_limits limits;
    return parse_limits(args, &limits) ? PyBool_FromLong(mesh_untouch(heap_of(self), &limits)) : NULL;
}

static PyObject *
heap_method_proofs_begin(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(proofs_are_begun(heap_of(self)) ? 0 : proofs_begin(heap_of(self), false));
}

static PyObject *
heap_method_proofs_add(PyObject *self, PyObject *object)
{
    void *address;
    if (!convert_address(object, &address) || !demand_allocated(heap_of(self), address)) {
        return NULL;
    }
    proofs_add(heap_of(self), address);
    Py_RETURN_NONE;
}

static PyObject *
heap_method_proofs_end(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    proofs_end(heap_of(self));
    Py_RETURN_NONE;
}

/* --- views --- */

static PyObject *
heap_method_check(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return text_object(heap_check(heap_of(self)));
}

static PyObject *
heap_method_statistics(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct heap_statistics statistics;
    heap_statistics(heap_of(self), &statistics);
    return module_statistics(&statistics);
}

static PyObject *
heap_method_state(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return module_state(heap_of(self));
}

static PyObject *
heap_method_residency(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct residency residency;
    residency_measure(heap_of(self), &residency);
    return module_residency(&residency);
}

/* For tests. */
static PyObject *
heap_method_mesh_way_home(PyObject *self, PyObject *object)
{
    void *page;
    return convert_address(object, &page) ? PyLong_FromSsize_t(mesh_way_home(heap_of(self), page)) : NULL;
}

static PyObject *
heap_method_range(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const struct heap *heap = heap_of(self);
    return Py_BuildValue("(Nn)", address_object(heap->range_address), (Py_ssize_t)(heap->range_arenas * ARENA_BYTES));
}

static PyMethodDef heap_methods[] = {
    {"allocate", heap_method_allocate, METH_VARARGS, NULL},
    {"allocate_zeroed", heap_method_allocate_zeroed, METH_VARARGS, NULL},
    {"reallocate", heap_method_reallocate, METH_VARARGS, NULL},
    {"free", heap_method_free, METH_O, NULL},
    {"size_of", heap_method_size_of, METH_O, NULL},
    {"sweep", heap_method_sweep, METH_VARARGS, NULL},
    {"check", heap_method_check, METH_NOARGS, NULL},
    {"statistics", heap_method_statistics, METH_NOARGS, NULL},
    {"state", heap_method_state, METH_NOARGS, NULL},
    {"residency", heap_method_residency, METH_NOARGS, NULL},
    {"range", heap_method_range, METH_NOARGS, NULL},
    {"mesh_begin", heap_method_mesh_begin, METH_VARARGS, NULL},
    {"mesh_step", heap_method_mesh_step, METH_VARARGS, NULL},
    {"mesh_settle", heap_method_mesh_settle, METH_VARARGS, NULL},
    {"mesh_abandon", heap_method_mesh_abandon, METH_VARARGS, NULL},
    {"mesh_pass", heap_method_mesh_pass, METH_NOARGS, NULL},
    {"mesh_renew", heap_method_mesh_renew, METH_VARARGS, NULL},
    {"mesh_untouch", heap_method_mesh_untouch, METH_VARARGS, NULL},
    {"mesh_way_home", heap_method_mesh_way_home, METH_O, NULL},
    {"proofs_begin", heap_method_proofs_begin, METH_NOARGS, NULL},
    {"proofs_add", heap_method_proofs_add, METH_O, NULL},
    {"proofs_end", heap_method_proofs_end, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot heap_slots[] = {
    {Py_tp_new, heap_new},
    {Py_tp_dealloc, heap_dealloc},
    {Py_tp_methods, heap_methods},
    {0, NULL},
};

static PyType_Spec heap_spec = {
    .name = "quire._core.Heap",
    .basicsize = sizeof(struct heap_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = heap_slots,
};

int
module_add_heap_type(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &heap_spec, NULL);
    int status = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return status;
}
