/* quire._core's part that meshes the heap which serves the process, in steps. See module.h, heap/mesh.h.
 *
 * A pass is this file's and proof.c's in turn: mesh_begin, mesh_step until blocks are to be proven; proof_begin,
 * proof_step until that is done; mesh_settle, mesh_step until it is over; then what was kept for the proof may go.
 */
#include "module/module.h"

#include "heap/structs.h"
#include "hook/hook.h"
#include "hook/proof.h"
#include "os/mappings.h"

#include <errno.h>

/* --- how many mappings the process has, and may have --- */

/* (how many there may be, how many there are); two zeros: nobody can tell. */
static PyObject *
mappings_object(const struct hook_mappings *mappings)
{
    return Py_BuildValue("(nn)", (Py_ssize_t)mappings->max, (Py_ssize_t)mappings->now);
}

static PyObject *
method_mappings(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct hook_mappings mappings;
    Py_BEGIN_ALLOW_THREADS
    hook_count_mappings(NULL, &mappings);
    Py_END_ALLOW_THREADS
    return mappings_object(&mappings);
}

static PyObject *
method_count_mappings_soon(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    hook_count_mappings_soon();
    Py_RETURN_NONE;
}

static PyObject *
method_counted_mappings(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct hook_mappings mappings;
    return hook_counted_mappings(&mappings) ? mappings_object(&mappings) : Py_NewRef(Py_None);
}

/* Bytes of extents that have memory. */
static PyObject *
method_shared_bytes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return module_require_heap() ? PyLong_FromSize_t(hook_heap()->totals.shared_bytes) : NULL;
}

/* What is resident of shared memory, a page once for each mapping that has touched it; None: nobody can tell. */
static PyObject *
method_counted_bytes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    size_t counted_bytes;
    if (hook_is_newly_filtered() || mappings_counted_bytes(&counted_bytes) != 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromSize_t(counted_bytes);
}

/* How many mappings meshing made. */
static PyObject *
method_mesh_mappings(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return module_require_heap() ? PyLong_FromSize_t(hook_heap()->totals.mesh_mappings) : NULL;
}

/* --- a pass --- */

static const char *
refusal(void)
{
    if (!proof_may_go_on()) {
        return "other interpreters share the heap";
    }
    return hook_is_newly_filtered() ? "the program has forbidden itself system calls since its start" : NULL;
}

static PyObject *
method_mesh_refusal(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    if (!module_require_heap()) {
        return NULL;
    }
    return refusal() != NULL ? text_object(refusal()) : Py_NewRef(Py_None);
}

struct begin {
    struct mesh_options options;
    int error;
};

static void
look_begin(struct heap *heap, void *context)
{
    struct begin *begin = context;
    begin->error = mesh_begin(heap, &begin->options);
}

static PyObject *
method_mesh_begin(PyObject *Py_UNUSED(self), PyObject *args)
{
    struct begin begin;
    int only_at_rest;
    if (!PyArg_ParseTuple(args, "Ip:mesh_begin", &begin.options.live_percent_max, &only_at_rest)
        || !module_require_heap()) {
        return NULL;
    }
    if (refusal() != NULL) {
        return text_object(refusal());
    }
    begin.options.pools_max = SIZE_MAX / 2;
    begin.options.only_at_rest = only_at_rest;
    if (!module_look(look_begin, &begin)) {
        return NULL;
    }
    switch (begin.error) {
    case 0:
        Py_RETURN_NONE;
    case ENOTSUP:
        return text_object("the system's pages are larger than pools");
    case EBUSY:
        return text_object("a pass is under way");
    case EINVAL:
        errno = begin.error;
        return PyErr_SetFromErrno(PyExc_OSError);
    default:
        return PyLong_FromLong(begin.error);
    }
}

static size_t
held_bytes(const struct heap *heap)
{
    return heap->totals.touched_bytes + heap->totals.shared_bytes;
}

struct step {
    struct mesh_limits limits;
    enum mesh_phase phase;
    Py_ssize_t given_bytes;
    bool is_over;
};

static void
look_step(struct heap *heap, void *context)
{
    struct step *step = context;
    size_t before_bytes = held_bytes(heap);
    step->phase = mesh_step(heap, &step->limits);
    step->given_bytes = (Py_ssize_t)before_bytes - (Py_ssize_t)held_bytes(heap);
}

static void
look_abandon(struct heap *heap, void *context)
{
    struct step *step = context;
    step->is_over = mesh_abandon(heap, &step->limits);
    step->phase = heap->mesh.phase;
}

static bool
parse_limits(PyObject *deadline_ns, struct mesh_limits *limits)
{
    limits->parts_max = SIZE_MAX;
    return module_read_deadline(deadline_ns, &limits->deadline_ns);
}

/* (phase, bytes given back). Where another interpreter came to be the pass is abandoned instead. */
static PyObject *
method_mesh_step(PyObject *Py_UNUSED(self), PyObject *deadline_ns)
{
    struct step step = {.phase = MESH_IDLE};
    if (!parse_limits(deadline_ns, &step.limits)
        || !module_look(refusal() == NULL ? look_step : look_abandon, &step)) {
        return NULL;
    }
    return Py_BuildValue("(in)", (int)step.phase, step.given_bytes);
}

struct settling {
    struct mesh_places places;
    int error;
};

static void
look_settle(struct heap *heap, void *context)
{
    struct settling *settling = context;
    settling->error = mesh_settle(heap, &settling->places);
}

static PyObject *
method_mesh_settle(PyObject *Py_UNUSED(self), PyObject *args)
{
    struct settling settling;
    Py_ssize_t piece_bytes, extents_max, mappings_max;
    if (!PyArg_ParseTuple(args, "nnn:mesh_settle", &piece_bytes, &extents_max, &mappings_max)) {
        return NULL;
    }
    settling.places = (struct mesh_places){
        .piece_bytes = (size_t)piece_bytes,
        .extents_max = (size_t)extents_max,
        .mappings_max = mappings_max > 0 ? (size_t)mappings_max : 0,
    };
    if (!module_look(look_settle, &settling)) {
        return NULL;
    }
    if (settling.error == 0) {
        Py_RETURN_NONE;
    }
    errno = settling.error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* Whether all candidates are back. */
static PyObject *
method_mesh_abandon(PyObject *Py_UNUSED(self), PyObject *deadline_ns)
{
    struct step step = {.phase = MESH_IDLE};
    if (!parse_limits(deadline_ns, &step.limits) || !module_look(look_abandon, &step)) {
        return NULL;
    }
    return PyBool_FromLong(step.is_over);
}

static PyObject *
method_mesh_pass(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return module_require_heap() ? module_mesh_pass(mesh_last_pass(hook_heap())) : NULL;
}

/* --- sealed pools --- */

struct stretch {
    struct mesh_limits limits;
    bool is_over;
};

static void
look_renew(struct heap *heap, void *context)
{
    struct stretch *stretch = context;
    stretch->is_over = mesh_renew(heap, &stretch->limits);
}

static void
look_untouch(struct heap *heap, void *context)
{
    struct stretch *stretch = context;
    stretch->is_over = mesh_untouch(heap, &stretch->limits);
}

/* Until the deadline; whether it is over. */
static PyObject *
do_stretch(void (*look)(struct heap *heap, void *context), PyObject *deadline_ns)
{
    struct stretch stretch = {.is_over = false};
    if (!parse_limits(deadline_ns, &stretch.limits) || !module_look(look, &stretch)) {
        return NULL;
    }
    return PyBool_FromLong(stretch.is_over);
}

static PyObject *
method_mesh_renew(PyObject *Py_UNUSED(self), PyObject *deadline_ns)
{
    return do_stretch(look_renew, deadline_ns);
}

static PyObject *
method_mesh_untouch(PyObject *Py_UNUSED(self), PyObject *deadline_ns)
{
    return do_stretch(look_untouch, deadline_ns);
}

static PyMethodDef methods[] = {
    {"mappings", method_mappings, METH_NOARGS, NULL},
    {"count_mappings_soon", method_count_mappings_soon, METH_NOARGS, NULL},
    {"counted_mappings", method_counted_mappings, METH_NOARGS, NULL},
    {"shared_bytes", method_shared_bytes, METH_NOARGS, NULL},
    {"counted_bytes", method_counted_bytes, METH_NOARGS, NULL},
    {"mesh_mappings", method_mesh_mappings, METH_NOARGS, NULL},
    {"mesh_refusal", method_mesh_refusal, METH_NOARGS, NULL},
    {"mesh_begin", method_mesh_begin, METH_VARARGS, NULL},
    {"mesh_step", method_mesh_step, METH_O, NULL},
    {"mesh_settle", method_mesh_settle, METH_VARARGS, NULL},
    {"mesh_abandon", method_mesh_abandon, METH_O, NULL},
    {"mesh_pass", method_mesh_pass, METH_NOARGS, NULL},
    {"mesh_renew", method_mesh_renew, METH_O, NULL},
    {"mesh_untouch", method_mesh_untouch, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

int
module_add_meshing(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
