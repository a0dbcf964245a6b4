/* Of quire._core: taking a snapshot. See module.h. */
#include "module/module.h"

#include "hook/hook.h"
#include "hook/references.h"
#include "hook/snapshot.h"

#include <errno.h>
#include <unistd.h>

#define COLUMN_NAME(name) #name,
static const char *const column_names[COLUMNS_COUNT] = {SNAPSHOT_COLUMNS(COLUMN_NAME)};

/* The process that one is under way in: a child that was forked meanwhile has none. */
static pid_t under_way;

/* --- what is asked for --- */

static bool
read_file(PyObject *columns, const char *name, int *file)
{
    PyObject *number = PyDict_GetItemString(columns, name);
    *file = number == NULL ? -1 : (int)PyLong_AsLong(number);
    return !PyErr_Occurred();
}

static bool
read_files(PyObject *columns, int files[COLUMNS_COUNT])
{
    Py_ssize_t known = 0;
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (!read_file(columns, column_names[i], &files[i])) {
            return false;
        }
        known += files[i] >= 0;
    }
    if (known != PyDict_GET_SIZE(columns)) {
        PyErr_SetString(PyExc_ValueError, "no such column, or no file for it");
        return false;
    }
    return true;
}

/* The list is empty afterwards: it would hold them in the snapshot. */
static bool
add_types(struct snapshot *snapshot, PyObject *types)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(types); i++) {
        PyObject *type = PyList_GET_ITEM(types, i);
        if (!PyType_Check(type)) {
            PyErr_SetString(PyExc_TypeError, "types must be types");
            return false;
        }
        if (!snapshot_add_type(snapshot, (PyTypeObject *)type)) {
            PyErr_NoMemory();
            return false;
        }
    }
    return PyList_SetSlice(types, 0, PyList_GET_SIZE(types), NULL) == 0;
}

/* --- what is told of a type ---
 *
 * Whose names are told shows its attributes in their order (references.c); others show what they like: None.
 */

static PyObject *
slot_names(const struct object_type *known)
{
    PyObject *names = PyList_New(0);
    for (PyTypeObject *type = known->type; names != NULL && types_is_class(type); type = type->tp_base) {
        const PyMemberDef *slots = types_slots(type);
        for (Py_ssize_t i = 0; names != NULL && i < Py_SIZE(type); i++) {
            if (!append(names, PyUnicode_FromString(slots[i].name))) {
                Py_CLEAR(names);
            }
        }
    }
    return names;
}

/* Keys are only ever added, behind those that there are. */
static PyObject *
inline_names(const struct object_type *known)
{
    const struct version_dict_keys *keys = version_cached_keys(known->type);
    PyObject *names = PyList_New(0);
    PyObject *name, *value;
    for (Py_ssize_t i = 0; keys != NULL && names != NULL && i < (Py_ssize_t)known->inline_names; i++) {
        bool is_there = version_dict_place(keys, i, &name, &value) && name != NULL && snapshot_is_name(name);
        if (!append(names, Py_NewRef(is_there ? name : Py_None))) {
            Py_CLEAR(names);
        }
    }
    return names;
}

static PyObject *
type_object(const struct object_type *known)
{
    static const char *const shows[] = {"nothing", "layout", "traverse", "scan"};
    return Py_BuildValue("(OsNNNO)", known->type, shows[known->shows], PyBool_FromLong(known->type->tp_dictoffset != 0),
                         known->is_class ? slot_names(known) : Py_NewRef(Py_None),
                         known->is_class ? inline_names(known) : Py_NewRef(Py_None), known->foreign_base);
}

static PyObject *
type_list(const struct snapshot *snapshot)
{
    size_t count = snapshot->types.count;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        if (!append(list, type_object(objects_type_at(&snapshot->types, i)))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* --- roots --- */

static PyObject *
frame_object(const struct root_frame *frame)
{
    int line = PyCode_Addr2Line(frame->code, frame->offset);
    return Py_BuildValue("(kOOi)", frame->thread, frame->code->co_qualname, frame->code->co_filename,
                         line > 0 ? line : 0);
}

static PyObject *
frame_list(const struct roots *roots)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < roots->frames_count; i++) {
        if (!append(list, frame_object(&roots->frames[i]))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* A variable's name, that of what is no frame's, or an empty one. */
static PyObject *
root_name(const struct roots *roots, const struct root *root)
{
    PyObject *variable = roots_variable(roots, root);
    return variable != NULL ? Py_NewRef(variable) : PyUnicode_FromString(root->name == NULL ? "" : root->name);
}

static PyObject *
root_object(const struct roots *roots, const struct root *root)
{
    long long frame = root->frame == ROOT_NO_FRAME ? -1 : (long long)root->frame;
    bool is_own = root->frame != ROOT_NO_FRAME && root->place < 0;
    return Py_BuildValue("(KLkNNNN)", (unsigned long long)(uintptr_t)root->object, frame, root->thread,
                         root_name(roots, root), PyBool_FromLong(root->has_reference), PyBool_FromLong(root->is_word),
                         PyBool_FromLong(is_own));
}

/* Of words only those that are an object's address, as it was when the snapshot was taken. */
static PyObject *
root_list(const struct snapshot *snapshot)
{
    const struct roots *roots = &snapshot->roots;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < roots->count; i++) {
        const struct root *root = &roots->items[i];
        if (snapshot_has(snapshot, root->object) && !append(list, root_object(roots, root))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* --- */

static PyObject *
type_rows(const struct snapshot *snapshot, Py_ssize_t count)
{
    PyObject *rows = PyList_New(0);
    for (Py_ssize_t i = 0; rows != NULL && i < count; i++) {
        uint32_t row = snapshot_row(snapshot, objects_type_at(&snapshot->types, (size_t)i)->type);
        if (!append(rows, PyLong_FromUnsignedLong(row))) {
            Py_CLEAR(rows);
        }
    }
    return rows;
}

static PyObject *
set_error(int error)
{
    if (error == ENOMEM) {
        return PyErr_NoMemory();
    }
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

struct told {
    PyObject *types, *frames, *roots;
};

static bool
tell(const struct snapshot *snapshot, struct told *told)
{
    told->types = type_list(snapshot);
    told->frames = told->types == NULL ? NULL : frame_list(&snapshot->roots);
    told->roots = told->frames == NULL ? NULL : root_list(snapshot);
    return told->roots != NULL;
}

static PyObject *
result_object(const struct snapshot *snapshot, const struct told *told)
{
    const struct snapshot_counts *counts = &snapshot->counts;
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:O,s:O,s:O,s:N,s:d}", "objects", counts->objects, "tables",
                         counts->tables, "edges", counts->edges, "pools", counts->pools, "large", counts->large,
                         "types", told->types, "frames", told->frames, "roots", told->roots, "type_rows",
                         type_rows(snapshot, PyList_GET_SIZE(told->types)), "pause_seconds",
                         (double)snapshot->pause_ns * 1e-9);
}

static PyObject *
settle(struct snapshot *snapshot, const struct told *told)
{
    int error;
    snapshot_ask(snapshot);
    Py_BEGIN_ALLOW_THREADS
    error = snapshot_settle(snapshot);
    Py_END_ALLOW_THREADS
    return error == 0 ? result_object(snapshot, told) : set_error(error);
}

/* What is told of types and frames is read before the lock goes: the program may change them then. */
static PyObject *
walk_and_settle(struct snapshot *snapshot)
{
    struct told told = {0};
    int error = snapshot_walk(snapshot);
    if (error != 0) {
        return set_error(error);
    }
    PyObject *result = tell(snapshot, &told) ? settle(snapshot, &told) : NULL;
    Py_XDECREF(told.types);
    Py_XDECREF(told.frames);
    Py_XDECREF(told.roots);
    return result;
}

static PyObject *
take(struct snapshot *snapshot, PyObject *types, PyObject *reviewed, const int files[COLUMNS_COUNT])
{
    int error;
    const char *reason = snapshot_begin(snapshot, files, reviewed, &error);
    PyObject *result = NULL;
    if (reason == NULL) {
        result = add_types(snapshot, types) ? walk_and_settle(snapshot) : NULL;
    } else if (error != 0) {
        set_error(error);
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_RuntimeError, reason);
    }
    snapshot_end(snapshot);
    return result;
}

static PyObject *
method_snapshot_take(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *types, *reviewed, *columns;
    int references, values, files[COLUMNS_COUNT];
    if (!PyArg_ParseTuple(args, "O!OO!pp:snapshot_take", &PyList_Type, &types, &reviewed, &PyDict_Type, &columns,
                          &references, &values)
        || !read_files(columns, files)) {
        return NULL;
    }
    if (under_way == getpid()) {
        PyErr_SetString(PyExc_RuntimeError, "a snapshot is under way");
        return NULL;
    }
    struct snapshot snapshot = {.references = references != 0, .values = values != 0};
    under_way = getpid();
    PyObject *result = take(&snapshot, types, reviewed, files);
    under_way = 0;
    return result;
}

static PyMethodDef methods[] = {
    {"snapshot_take", method_snapshot_take, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int
module_add_snapshot(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
