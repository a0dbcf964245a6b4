/* quire._core_fake: the type Heap on a system that refuses on demand. For tests only; see os/fake.h. */
#include "module/module.h"

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

static PyMethodDef methods[] = {
    {"refuse", method_refuse, METH_VARARGS, NULL},
    {"calls", method_calls, METH_NOARGS, NULL},
    {"held_bytes", method_held_bytes, METH_NOARGS, NULL},
    {"resident_bytes", method_resident_bytes, METH_NOARGS, NULL},
    {"set_page_bytes", method_set_page_bytes, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &module_heap_spec, NULL);
    int status = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return status;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
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
