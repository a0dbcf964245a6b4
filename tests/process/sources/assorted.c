/* Types as extensions make them, each with a life of its own. Every object has a mark, which is looked at when it dies.
 *
 *     Static    static; allocated in the mem domain by its own tp_alloc, freed by PyObject_Free; Python may not inherit
 *     Base      static; tp_alloc and tp_free as inherited; Python classes inherit from it
 *     Node      from a spec, collected; a dictionary, weak references, a chain that needs the trashcan; may resurrect
 *     Row       from a spec, collected, of variable size; resized while it is made
 *     Buffer    from a spec; memory of the mem domain, freed in one domain or the other
 *     Reused    static; keeps a few dead objects back for the next ones
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { KINDS = 6, STATIC = 0, BASE, NODE, ROW, BUFFER, REUSED, REUSED_MAX = 50 };

static long born[KINDS], died[KINDS], resurrected, damaged;
static PyObject *kept; /* what Node's finalizer brings back; NULL: none */

/* --- marks --- */

struct mark {
    uintptr_t of_address;
    unsigned char padding[24];
};

static void
mark_as(struct mark *mark, const void *object, int kind)
{
    mark->of_address = ~(uintptr_t)object;
    memset(mark->padding, kind + 1, sizeof mark->padding);
    born[kind]++;
}

static void
unmark(struct mark *mark, const void *object, int kind)
{
    unsigned char padding[sizeof mark->padding];
    memset(padding, kind + 1, sizeof padding);
    if (mark->of_address != ~(uintptr_t)object || memcmp(padding, mark->padding, sizeof padding) != 0) {
        damaged++;
    }
    memset(mark, 0, sizeof *mark);
    died[kind]++;
}

/* --- Static, Base --- */

typedef struct {
    PyObject_HEAD
    struct mark mark;
} MarkedObject;

static PyObject *
static_alloc(PyTypeObject *type, Py_ssize_t Py_UNUSED(items))
{
    PyObject *self = PyMem_Calloc(1, (size_t)type->tp_basicsize);
    return self == NULL ? PyErr_NoMemory() : PyObject_Init(self, type);
}

static PyObject *
static_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(names))
{
    MarkedObject *self = (MarkedObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        mark_as(&self->mark, self, STATIC);
    }
    return (PyObject *)self;
}

static void
static_dealloc(PyObject *self)
{
    unmark(&((MarkedObject *)self)->mark, self, STATIC);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject static_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "assorted.Static",
    .tp_basicsize = sizeof(MarkedObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_alloc = static_alloc,
    .tp_new = static_new,
    .tp_dealloc = static_dealloc,
    .tp_free = PyObject_Free,
};

static PyObject *
base_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(names))
{
    MarkedObject *self = (MarkedObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        mark_as(&self->mark, self, BASE);
    }
    return (PyObject *)self;
}

static void
base_dealloc(PyObject *self)
{
    unmark(&((MarkedObject *)self)->mark, self, BASE);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject base_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "assorted.Base",
    .tp_basicsize = sizeof(MarkedObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = base_new,
    .tp_dealloc = base_dealloc,
};

/* --- Node --- */

typedef struct {
    PyObject_HEAD
    PyObject *dict, *weakrefs, *next;
    struct mark mark;
} NodeObject;

static PyObject *
node_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names))
{
    PyObject *next = Py_None;
    if (!PyArg_ParseTuple(args, "|O", &next)) {
        return NULL;
    }
    NodeObject *self = (NodeObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->next = Py_NewRef(next);
        mark_as(&self->mark, self, NODE);
    }
    return (PyObject *)self;
}

static int
node_traverse(PyObject *object, visitproc visit, void *arg)
{
    NodeObject *self = (NodeObject *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->dict);
    Py_VISIT(self->next);
    return 0;
}

static int
node_clear(PyObject *object)
{
    NodeObject *self = (NodeObject *)object;
    Py_CLEAR(self->dict);
    Py_CLEAR(self->next);
    return 0;
}

/* Every fourth is brought back, once. */
static void
node_finalize(PyObject *object)
{
    if (kept != NULL && ((uintptr_t)object / 64) % 4 == 0) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        resurrected += PyList_Append(kept, object) == 0;
        PyErr_Restore(type, value, traceback);
    }
}

static void
node_dealloc(PyObject *object)
{
    NodeObject *self = (NodeObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (PyObject_CallFinalizerFromDealloc(object) < 0) {
        return;
    }
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, node_dealloc)
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    node_clear(object);
    unmark(&self->mark, self, NODE);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMemberDef node_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(NodeObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(NodeObject, weakrefs), READONLY, NULL},
    {"next", T_OBJECT, offsetof(NodeObject, next), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef node_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot node_slots[] = {
    {Py_tp_new, node_new},           {Py_tp_traverse, node_traverse}, {Py_tp_clear, node_clear},
    {Py_tp_finalize, node_finalize}, {Py_tp_dealloc, node_dealloc},   {Py_tp_members, node_members},
    {Py_tp_getset, node_getset},     {0, NULL},
};

static PyType_Spec node_spec = {
    .name = "assorted.Node",
    .basicsize = sizeof(NodeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = node_slots,
};

/* --- Row --- */

typedef struct {
    PyObject_VAR_HEAD
    struct mark mark;
    PyObject *items[1];
} RowObject;

static void
row_fill(RowObject *self, Py_ssize_t from, PyObject *item)
{
    for (Py_ssize_t i = from; i < Py_SIZE(self); i++) {
        self->items[i] = Py_NewRef(item);
    }
}

/* Row(items, item, items_later): made with so many items, and resized before anyone sees it. */
static PyObject *
row_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names))
{
    Py_ssize_t items, items_later;
    PyObject *item;
    if (!PyArg_ParseTuple(args, "nOn", &items, &item, &items_later)) {
        return NULL;
    }
    RowObject *self = PyObject_GC_NewVar(RowObject, type, items);
    if (self == NULL) {
        return NULL;
    }
    RowObject *resized = PyObject_GC_Resize(RowObject, self, items_later);
    if (resized == NULL) {
        PyObject_GC_Del(self);
        return NULL;
    }
    row_fill(resized, 0, item);
    mark_as(&resized->mark, resized, ROW);
    PyObject_GC_Track((PyObject *)resized);
    return (PyObject *)resized;
}

static int
row_traverse(PyObject *object, visitproc visit, void *arg)
{
    RowObject *self = (RowObject *)object;
    Py_VISIT(Py_TYPE(object));
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_VISIT(self->items[i]);
    }
    return 0;
}

static int
row_clear(PyObject *object)
{
    RowObject *self = (RowObject *)object;
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_CLEAR(self->items[i]);
    }
    return 0;
}

static void
row_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    row_clear(object);
    unmark(&((RowObject *)object)->mark, object, ROW);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot row_slots[] = {
    {Py_tp_new, row_new},     {Py_tp_traverse, row_traverse},
    {Py_tp_clear, row_clear}, {Py_tp_dealloc, row_dealloc},
    {0, NULL},
};

static PyType_Spec row_spec = {
    .name = "assorted.Row",
    .basicsize = offsetof(RowObject, items),
    .itemsize = sizeof(PyObject *),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = row_slots,
};

/* --- Buffer --- */

typedef struct {
    PyObject_HEAD
    struct mark mark;
    unsigned char *data;
    size_t size_bytes;
} BufferObject;

/* Bring the data to this size, and look that it is as it was. */
static int
buffer_resize_to(BufferObject *self, Py_ssize_t size_bytes)
{
    unsigned char *data = PyMem_Realloc(self->data, (size_t)size_bytes);
    if (data == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    size_t left_bytes = self->size_bytes < (size_t)size_bytes ? self->size_bytes : (size_t)size_bytes;
    for (size_t i = 0; i < left_bytes; i++) {
        damaged += data[i] != 0x5A;
    }
    memset(data, 0x5A, (size_t)size_bytes);
    self->data = data;
    self->size_bytes = (size_t)size_bytes;
    return 0;
}

static PyObject *
buffer_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names))
{
    Py_ssize_t size_bytes;
    if (!PyArg_ParseTuple(args, "n", &size_bytes)) {
        return NULL;
    }
    BufferObject *self = (BufferObject *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    mark_as(&self->mark, self, BUFFER);
    if (buffer_resize_to(self, size_bytes) != 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PyObject *
buffer_resize(PyObject *self, PyObject *size)
{
    Py_ssize_t size_bytes = PyLong_AsSsize_t(size);
    if (PyErr_Occurred() || buffer_resize_to((BufferObject *)self, size_bytes) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static void
buffer_dealloc(PyObject *object)
{
    BufferObject *self = (BufferObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    unmark(&self->mark, self, BUFFER);
    (self->size_bytes % 2 == 0 ? PyMem_Free : PyObject_Free)(self->data);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef buffer_methods[] = {{"resize", buffer_resize, METH_O, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot buffer_slots[] = {
    {Py_tp_new, buffer_new}, {Py_tp_dealloc, buffer_dealloc}, {Py_tp_methods, buffer_methods}, {0, NULL},
};

static PyType_Spec buffer_spec = {
    .name = "assorted.Buffer", .basicsize = sizeof(BufferObject), .flags = Py_TPFLAGS_DEFAULT, .slots = buffer_slots,
};

/* --- Reused --- */

static MarkedObject *dead[REUSED_MAX];
static size_t dead_count;

static PyObject *
reused_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(names))
{
    MarkedObject *self;
    if (dead_count > 0) {
        self = (MarkedObject *)PyObject_Init((PyObject *)dead[--dead_count], type);
    } else {
        self = PyObject_New(MarkedObject, type);
    }
    if (self != NULL) {
        mark_as(&self->mark, self, REUSED);
    }
    return (PyObject *)self;
}

static void
reused_dealloc(PyObject *object)
{
    MarkedObject *self = (MarkedObject *)object;
    unmark(&self->mark, self, REUSED);
    if (dead_count < REUSED_MAX) {
        dead[dead_count++] = self;
    } else {
        PyObject_Free(self);
    }
}

static PyTypeObject reused_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "assorted.Reused",
    .tp_basicsize = sizeof(MarkedObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = reused_new,
    .tp_dealloc = reused_dealloc,
};

/* --- the module --- */

/* tally(): how many of each kind live, how many were brought back, how many were damaged. */
static PyObject *
tally(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return Py_BuildValue("[llllllll]", born[0] - died[0], born[1] - died[1], born[2] - died[2], born[3] - died[3],
                         born[4] - died[4], born[5] - died[5], resurrected, damaged);
}

/* resurrect_into(list or None): where the objects go that their finalizers bring back. */
static PyObject *
resurrect_into(PyObject *Py_UNUSED(self), PyObject *list)
{
    Py_XSETREF(kept, PyList_Check(list) ? Py_NewRef(list) : NULL);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"tally", tally, METH_NOARGS, NULL},
    {"resurrect_into", resurrect_into, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    PyTypeObject *fixed[] = {&static_type, &base_type, &reused_type};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (PyModule_AddType(module, fixed[i]) != 0) {
            return -1;
        }
    }
    PyType_Spec *specs[] = {&node_spec, &row_spec, &buffer_spec};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        PyObject *type = PyType_FromSpec(specs[i]);
        if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) != 0) {
            return -1;
        }
        Py_DECREF(type);
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "assorted", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_assorted(void)
{
    return PyModuleDef_Init(&definition);
}
