/* quire._core's part that gives memory back: the helper, bounded steps, libc. See module.h. */
#include "module/module.h"

#include "heap/structs.h"
#include "hook/hook.h"
#include "hook/proof.h"

/* --- the helper --- */

static PyObject *
method_helper_begin(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *tick;
    Py_ssize_t notice_bytes;
    if (!PyArg_ParseTuple(args, "On:helper_begin", &tick, &notice_bytes) || !module_require_heap()) {
        return NULL;
    }
    if (!PyCallable_Check(tick) || notice_bytes <= 0) {
        PyErr_SetString(PyExc_ValueError, "helper_begin takes a function, and how many bytes are worth a start");
        return NULL;
    }
    int error = hook_helper_begin(tick, (size_t)notice_bytes);
    if (error != 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static void
look_abandon(struct heap *heap, void *Py_UNUSED(nothing))
{
    mesh_abandon(heap, &(struct mesh_limits){.parts_max = SIZE_MAX});
}

/* In C, for functions of ours that Python calls at its end are nothing a program's trace function should see. */
static PyObject *
method_helper_end(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    hook_helper_end();
    hook_wait_for_teller(false); /* one that began since its own function for the end was called */
    proof_end();
    return module_look(look_abandon, NULL) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
method_helper_is_alive(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(hook_helper_is_alive());
}

static PyObject *
method_helper_refusal(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLong(hook_helper_refusal());
}

static PyObject *
method_purge_refusal(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return module_require_heap() ? PyLong_FromLong(hook_heap()->purge_refusal) : NULL;
}

static PyObject *
method_take_rest(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(hook_take_rest());
}

static PyObject *
method_before_fork(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    hook_helper_before_fork();
    Py_RETURN_NONE;
}

static PyObject *
method_after_fork_in_parent(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    hook_helper_after_fork_in_parent();
    Py_RETURN_NONE;
}

static PyObject *
method_after_fork_in_child(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    hook_helper_after_fork_in_child();
    Py_RETURN_NONE;
}

static PyObject *
method_call_apart(PyObject *Py_UNUSED(self), PyObject *function)
{
    return PyBool_FromLong(hook_call_apart(function));
}

static PyObject *
method_wait_for_teller(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(hook_wait_for_teller(true));
}

/* --- the heap --- */

static void
look_totals(struct heap *heap, void *totals)
{
    *(struct heap_totals *)totals = heap->totals;
}

/* Without a walk. */
static PyObject *
method_held_bytes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct heap_totals totals;
    if (!module_look(look_totals, &totals)) {
        return NULL;
    }
    return PyLong_FromSize_t(totals.touched_bytes + totals.mapping_bytes + totals.kept_bytes + totals.shared_bytes);
}

struct sweep {
    size_t cursor;
    struct sweep_limits limits;
    struct swept swept;
};

static void
look_sweep(struct heap *heap, void *context)
{
    struct sweep *sweep = context;
    sweep->swept = heap_sweep(heap, sweep->cursor, &sweep->limits);
}

static PyObject *
method_sweep(PyObject *Py_UNUSED(self), PyObject *args)
{
    struct sweep sweep;
    if (!module_read_sweep(args, &sweep.cursor, &sweep.limits) || !module_look(look_sweep, &sweep)) {
        return NULL;
    }
    return module_swept(&sweep.swept);
}

/* --- libc --- */

static PyObject *
trim_object(const struct libc_trim *trim)
{
    return Py_BuildValue("(nnd)", (Py_ssize_t)trim->free_bytes, (Py_ssize_t)trim->given_bytes, trim->seconds);
}

static PyObject *
method_trim_libc(PyObject *Py_UNUSED(self), PyObject *free_bytes_min_object)
{
    size_t free_bytes_min = PyLong_AsSize_t(free_bytes_min_object);
    if (PyErr_Occurred()) {
        return NULL;
    }
    struct libc_trim trim;
    bool is_done;
    Py_BEGIN_ALLOW_THREADS
    is_done = hook_trim_libc(free_bytes_min, SIZE_MAX, &trim);
    Py_END_ALLOW_THREADS
    return is_done ? trim_object(&trim) : Py_NewRef(Py_None);
}

static PyObject *
method_trim_libc_soon(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_ssize_t free_bytes_min, free_bytes_max;
    if (!PyArg_ParseTuple(args, "nn:trim_libc_soon", &free_bytes_min, &free_bytes_max)) {
        return NULL;
    }
    hook_trim_libc_soon((size_t)free_bytes_min, (size_t)free_bytes_max);
    Py_RETURN_NONE;
}

static PyObject *
method_trimmed_libc(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct libc_trim trim;
    return hook_trimmed_libc(&trim) ? trim_object(&trim) : Py_NewRef(Py_None);
}

/* --- */

static PyMethodDef methods[] = {
    {"helper_begin", method_helper_begin, METH_VARARGS, NULL},
    {"helper_end", method_helper_end, METH_NOARGS, NULL},
    {"helper_is_alive", method_helper_is_alive, METH_NOARGS, NULL},
    {"helper_refusal", method_helper_refusal, METH_NOARGS, NULL},
    {"purge_refusal", method_purge_refusal, METH_NOARGS, NULL},
    {"take_rest", method_take_rest, METH_NOARGS, NULL},
    {"before_fork", method_before_fork, METH_NOARGS, NULL},
    {"after_fork_in_parent", method_after_fork_in_parent, METH_NOARGS, NULL},
    {"after_fork_in_child", method_after_fork_in_child, METH_NOARGS, NULL},
    {"call_apart", method_call_apart, METH_O, NULL},
    {"wait_for_teller", method_wait_for_teller, METH_NOARGS, NULL},
    {"sweep", method_sweep, METH_VARARGS, NULL},
    {"held_bytes", method_held_bytes, METH_NOARGS, NULL},
    {"trim_libc", method_trim_libc, METH_O, NULL},
    {"trim_libc_soon", method_trim_libc_soon, METH_VARARGS, NULL},
    {"trimmed_libc", method_trimmed_libc, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int
module_add_giving_back(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
