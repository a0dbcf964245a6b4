/* Blocks that nobody may take for objects nobody writes: each has a counter that a thread of C counts up without the
 * lock.
 *
 *     make(kind)         a block of the kind, and its counter; what is returned holds it, or nobody frees it
 *     counters()         (kind, address) of each counter
 *     begin() / end()    the threads; end() tells how often they counted, and how many counts were lost
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    volatile long counter;
    PyObject *other;
} Counting;

/* --- types --- */

static int
traverse_nothing(PyObject *self, visitproc visit, void *context)
{
    (void)self, (void)visit, (void)context;
    return 0;
}

static PyTypeObject plain_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "proving.Plain", .tp_basicsize = sizeof(Counting), .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
};
static PyTypeObject tracked_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "proving.Tracked", .tp_basicsize = sizeof(Counting), .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew, .tp_traverse = traverse_nothing, .tp_free = PyObject_GC_Del,
};

/* Types that have the functions of a class statement. */

static PyType_Slot no_slots[] = {{0, NULL}};
static PyType_Spec classlike_spec = {
    "proving.Classlike", sizeof(Counting), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, no_slots};

/* Its members are as many as its words, but are no references. */
static PyMemberDef number_members[] = {{"number", T_LONG, 16, 0, NULL}, {"more", T_LONG, 24, 0, NULL}, {0}};
static PyType_Slot number_slots[] = {{Py_tp_members, number_members}, {0, NULL}};
static PyType_Spec numbers_spec = {
    "proving.Numbers", sizeof(Counting), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, number_slots};

/* Both of its members stand in the second word: the first one is its own. */
static PyMemberDef overlapping_members[] = {{"one", T_OBJECT_EX, 24, 0, NULL}, {"two", T_OBJECT_EX, 24, 0, NULL}, {0}};
static PyType_Slot overlapping_slots[] = {{Py_tp_members, overlapping_members}, {0, NULL}};
static PyType_Spec overlapping_spec = {
    "proving.Overlapping", sizeof(Counting), 0, Py_TPFLAGS_DEFAULT, overlapping_slots};

/* Its allocation is larger than it says. */
static PyObject *
allocate_more(PyTypeObject *type, Py_ssize_t count)
{
    (void)count;
    PyObject *object = PyObject_Calloc(1, sizeof(Counting));
    return object == NULL ? PyErr_NoMemory() : PyObject_Init(object, type);
}
static PyType_Slot more_slots[] = {{Py_tp_alloc, allocate_more}, {0, NULL}};
static PyType_Spec more_spec = {"proving.More", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, more_slots};

/* A list with a counter behind it. */
static PyType_Spec listlike_spec = {
    "proving.Listlike", sizeof(PyListObject) + 16, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, no_slots};

/* Tracked, with a function of its own that shows the bytes it fills. */
static int
traverse_other(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Counting *)self)->other);
    Py_VISIT(Py_TYPE(self));
    return 0;
}
static PyType_Slot showing_slots[] = {{Py_tp_traverse, traverse_other}, {0, NULL}};
static PyType_Spec showing_spec = {
    "proving.Showing", sizeof(Counting), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, showing_slots};

/* --- making --- */

enum { COUNTERS_MAX = 4096 };

struct counter {
    volatile long *at;
    const char *kind;
};

static struct counter counters[COUNTERS_MAX];
static int counters_count;
static PyObject *types[16];
static PyObject *python_class, *subclass; /* given from Python */

static void
add_counter(const char *kind, void *at)
{
    if (counters_count < COUNTERS_MAX) {
        *(volatile long *)at = 0;
        counters[counters_count++] = (struct counter){at, kind};
    }
}

enum type_index { CLASSLIKE, NUMBERS, OVERLAPPING, MORE, LISTLIKE, SHOWING, TYPES };
static PyType_Spec *const specs[TYPES] = {&classlike_spec, &numbers_spec,  &overlapping_spec,
                                          &more_spec,      &listlike_spec, &showing_spec};
static const char *const names[TYPES] = {"Classlike", "Numbers", "Overlapping", "More", "Listlike", "Showing"};

static PyObject *
new_of(PyObject *type)
{
    return PyObject_CallNoArgs(type);
}

static PyObject *
make_object(const char *kind, PyObject *type)
{
    PyObject *object = new_of(type);
    if (object != NULL) {
        add_counter(kind, (void *)&((Counting *)object)->counter);
    }
    return object;
}

static PyObject *
unfinished_bytes(void)
{
    return PyBytes_FromStringAndSize(NULL, 40);
}

/* The object returned is held by the caller. */
static PyObject *
make_one(const char *kind)
{
    const struct {
        const char *kind;
        PyObject *type;
    } of_types[] = {
        {"plain", (PyObject *)&plain_type}, {"tracked", (PyObject *)&tracked_type}, {"classlike", types[CLASSLIKE]},
        {"numbers", types[NUMBERS]},        {"more", types[MORE]},                  {"overlapping", types[OVERLAPPING]},
        {"subclass", subclass},
    };
    for (size_t i = 0; i < sizeof of_types / sizeof of_types[0]; i++) {
        if (strcmp(kind, of_types[i].kind) == 0) {
            return make_object(of_types[i].kind, of_types[i].type);
        }
    }
    if (strcmp(kind, "listlike") == 0) {
        PyObject *list = new_of(types[LISTLIKE]);
        add_counter("listlike", (char *)list + sizeof(PyListObject));
        return list;
    }
#if PY_VERSION_HEX >= 0x030C0000
    if (strcmp(kind, "extra") == 0) {
        PyObject *object = PyUnstable_Object_GC_NewWithExtraData((PyTypeObject *)python_class, 32);
        add_counter("extra", (char *)object + ((PyTypeObject *)python_class)->tp_basicsize + 16);
        PyObject_GC_Track(object);
        return object;
    }
#endif
    if (strcmp(kind, "memory") == 0) {
        void *memory = PyMem_Malloc(40);
        add_counter("memory", memory);
        return PyLong_FromVoidPtr(memory);
    }
    if (strcmp(kind, "object memory") == 0) {
        void *memory = PyObject_Malloc(40);
        add_counter("object memory", memory);
        return PyCapsule_New(memory, NULL, NULL);
    }
    if (strcmp(kind, "unpublished bytes") == 0) {
        PyObject *bytes = unfinished_bytes();
        add_counter("unpublished bytes", PyBytes_AS_STRING(bytes) + 8);
        return PyLong_FromVoidPtr(bytes);
    }
    if (strcmp(kind, "scratch list") == 0) { /* as zlib's: the list is tracked, and nobody has it */
        PyObject *bytes = unfinished_bytes();
        PyObject *list = PyList_New(1);
        PyList_SET_ITEM(list, 0, bytes);
        add_counter("scratch list", PyBytes_AS_STRING(bytes) + 8);
        return PyLong_FromVoidPtr(list);
    }
    if (strcmp(kind, "shown bytes") == 0) { /* by an owner that fills them; a tuple has them, too */
        PyObject *owner = new_of(types[SHOWING]);
        PyObject *bytes = ((Counting *)owner)->other = unfinished_bytes();
        add_counter("shown bytes", PyBytes_AS_STRING(bytes) + 8);
        return Py_BuildValue("(NO)", owner, bytes);
    }
    if (strcmp(kind, "bytearray") == 0) {
        PyObject *array = PyByteArray_FromStringAndSize(NULL, 40);
        add_counter("bytearray", PyByteArray_AS_STRING(array) + 8);
        return array;
    }
    PyErr_Format(PyExc_ValueError, "no such kind: %s", kind);
    return NULL;
}

static PyObject *
make(PyObject *self, PyObject *args)
{
    (void)self;
    const char *kind;
    return PyArg_ParseTuple(args, "s", &kind) ? make_one(kind) : NULL;
}

static PyObject *
give_classes(PyObject *self, PyObject *args)
{
    (void)self;
    if (!PyArg_ParseTuple(args, "OO", &python_class, &subclass)) {
        return NULL;
    }
    Py_INCREF(python_class);
    Py_INCREF(subclass);
    Py_RETURN_NONE;
}

/* (kind, address of the counter), of all. */
static PyObject *
all_counters(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < counters_count; i++) {
        PyObject *item = Py_BuildValue("(sN)", counters[i].kind, PyLong_FromVoidPtr((void *)counters[i].at));
        PyList_Append(list, item);
        Py_DECREF(item);
    }
    return list;
}

/* --- writing: each thread has every second counter to itself, so that a count is lost only if somebody else writes ---
 * */

enum { THREADS = 2 };

static pthread_t threads[THREADS];
static volatile int is_running;
static long counted[COUNTERS_MAX];

static void *
write_counters(void *first)
{
    while (is_running) {
        for (int i = (int)(intptr_t)first; i < counters_count; i += THREADS) {
            *counters[i].at += 1;
            counted[i]++;
        }
    }
    return NULL;
}

static PyObject *
begin(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    is_running = 1;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, write_counters, (void *)(intptr_t)i) != 0) {
            PyErr_SetString(PyExc_RuntimeError, "no thread");
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* How many counts there were, and how many were lost. */
static PyObject *
end(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    is_running = 0;
    long lost = 0, all = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < counters_count; i++) {
        lost += counted[i] - *counters[i].at;
        all += counted[i];
    }
    return Py_BuildValue("(ll)", all, lost);
}

/* --- */

static PyMethodDef methods[] = {
    {"make", make, METH_VARARGS, NULL},         {"give_classes", give_classes, METH_VARARGS, NULL},
    {"counters", all_counters, METH_NOARGS, NULL}, {"begin", begin, METH_NOARGS, NULL},
    {"end", end, METH_NOARGS, NULL},            {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "proving", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC
PyInit_proving(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || PyModule_AddType(module, &plain_type) != 0 || PyModule_AddType(module, &tracked_type) != 0) {
        return NULL;
    }
    for (int i = 0; i < TYPES; i++) {
        types[i] = PyType_FromSpecWithBases(specs[i], i == LISTLIKE ? (PyObject *)&PyList_Type : NULL);
        if (types[i] == NULL || PyModule_AddObjectRef(module, names[i], types[i]) != 0) {
            return NULL;
        }
    }
    return module;
}
