/* quire._core_fake: the type Heap, and guarded blocks, on a system that refuses on demand. For tests only: os/fake.h. */
#include "module/module.h"

#include "heap/guard.h"
#include "os/fake.h"

static PyObject *
method_refuse(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_ssize_t nth;
    int for_good = 0;
    if (!PyArg_ParseTuple(args, "n|p:refuse", &nth, &for_good)) {
        return NULL;
    }
    fake_refuse((size_t)nth, for_good);
    Py_RETURN_NONE;
}

static PyObject *
method_calls(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(fake_calls());
}

/* By kind of call: how many were granted before the first that was refused, and how many were refused. */
static PyObject *
method_take_refused(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    static const char *const kinds[FAKE_CALLS] = {
        [FAKE_RESERVE] = "reserve", [FAKE_COMMIT] = "commit", [FAKE_DECOMMIT] = "decommit", [FAKE_PURGE] = "purge",
        [FAKE_MAP] = "map", [FAKE_REMAP] = "remap", [FAKE_SHARE] = "share", [FAKE_KEEP] = "keep", [FAKE_POPULATE] = "populate",
        [FAKE_SHOW] = "show", [FAKE_RENEW] = "renew", [FAKE_RENEW_FROM] = "renew_from", [FAKE_RELEASE] = "release",
    };
    PyObject *dict = PyDict_New();
    for (unsigned call = 0; dict != NULL && call < FAKE_CALLS; call++) {
        unsigned granted = fake_granted_first(call);
        PyObject *counts = Py_BuildValue("(II)", granted, fake_take_refused(call));
        if (counts == NULL || PyDict_SetItemString(dict, kinds[call], counts) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(counts);
    }
    return dict;
}

static PyObject *
method_held_bytes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(fake_held_bytes());
}

static PyObject *
method_resident_bytes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(fake_resident_bytes());
}

static PyObject *
method_set_page_bytes(PyObject *Py_UNUSED(self), PyObject *object)
{
    size_t page_bytes = PyLong_AsSize_t(object);
    if (page_bytes == (size_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    fake_set_page_bytes(page_bytes);
    Py_RETURN_NONE;
}

/* --- guarded blocks: one guard at a time --- */

static struct guard *guard;

static PyObject *
method_guard_begin(PyObject *Py_UNUSED(self), PyObject *object)
{
    size_t slots = PyLong_AsSize_t(object);
    if (slots == (size_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    return guard_create((uint32_t)slots, &guard) == 0 ? Py_NewRef(Py_None) : PyErr_NoMemory();
}

static PyObject *
method_guard_end(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    guard_destroy(guard);
    Py_RETURN_NONE;
}

static PyObject *
method_guard_allocate(PyObject *Py_UNUSED(self), PyObject *args)
{
    Py_ssize_t size_bytes;
    int at_left_end;
    if (!PyArg_ParseTuple(args, "np:guard_allocate", &size_bytes, &at_left_end)) {
        return NULL;
    }
    struct guard_slot *slot = guard_allocate(guard, (size_t)size_bytes, at_left_end);
    return slot == NULL ? PyErr_NoMemory() : address_object(slot->address);
}

/* The slot of an address in the region, without the guard's leave to touch it: (index, state, block, size, damage). */
static PyObject *
method_guard_slot(PyObject *Py_UNUSED(self), PyObject *object)
{
    const char *address = PyLong_AsVoidPtr(object);
    if (PyErr_Occurred()) {
        return NULL;
    }
    const struct guard_slot *slot = guard_owns(guard, address) ? guard_slot_of(guard, address) : NULL;
    if (slot == NULL) {
        Py_RETURN_NONE;
    }
    Py_ssize_t damage = slot->state == GUARD_ALLOCATED ? guard_damage(guard, slot) : 0;
    return Py_BuildValue("(niNnn)", (Py_ssize_t)(slot - guard->slots), (int)slot->state, address_object(slot->address),
                         (Py_ssize_t)slot->size_bytes, damage);
}

static PyObject *
method_guard_free(PyObject *Py_UNUSED(self), PyObject *object)
{
    const char *address = PyLong_AsVoidPtr(object);
    if (PyErr_Occurred()) {
        return NULL;
    }
    guard_free(guard, guard_slot_of(guard, address));
    Py_RETURN_NONE;
}

static PyObject *
method_guard_statistics(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    struct guard_statistics counts = guard_statistics(guard);
    return Py_BuildValue("(nnnnn)", (Py_ssize_t)counts.slots, (Py_ssize_t)counts.allocated, (Py_ssize_t)counts.freed,
                         (Py_ssize_t)counts.lost, (Py_ssize_t)counts.live_bytes);
}

static PyObject *
method_guard_check(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return text_object(guard_check(guard));
}

static PyMethodDef methods[] = {
    {"guard_begin", method_guard_begin, METH_O, NULL},
    {"guard_end", method_guard_end, METH_NOARGS, NULL},
    {"guard_allocate", method_guard_allocate, METH_VARARGS, NULL},
    {"guard_slot", method_guard_slot, METH_O, NULL},
    {"guard_free", method_guard_free, METH_O, NULL},
    {"guard_statistics", method_guard_statistics, METH_NOARGS, NULL},
    {"guard_check", method_guard_check, METH_NOARGS, NULL},
    {"refuse", method_refuse, METH_VARARGS, NULL},
    {"calls", method_calls, METH_NOARGS, NULL},
    {"take_refused", method_take_refused, METH_NOARGS, NULL},
    {"held_bytes", method_held_bytes, METH_NOARGS, NULL},
    {"resident_bytes", method_resident_bytes, METH_NOARGS, NULL},
    {"set_page_bytes", method_set_page_bytes, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_add_heap_type},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "quire._core_fake",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core_fake(void);

PyMODINIT_FUNC
PyInit__core_fake(void)
{
    return PyModuleDef_Init(&definition);
}
