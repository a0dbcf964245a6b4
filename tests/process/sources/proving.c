/* Blocks that nobody may take for objects nobody writes: each has a counter that a thread of C counts up without the
 * lock; or several do, under a lock of the block's own; or the system does, which reads the count into it.
 *
 *     make(kind)         a block of the kind, and its counter; what is returned holds it, or nobody frees it
 *     counters()         (kind, address) of each counter
 *     begin() / end()    the threads; end() tells how often they counted, and how many counts were lost
 *     lost()             how many until now
 *     met()              how many counters lay where pages were shown while the threads counted
 *
 * Where showing.c is preloaded, whoever shows pages there waits until each of their counters was counted up: what was
 * copied is old then, each time, whatever else the machine does.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <sched.h>
#include <structmember.h>
#include <unistd.h>

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

typedef struct {
    PyObject_HEAD
    pthread_mutex_t mutex;
    volatile long counter;
} Locking;

static PyTypeObject locking_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "proving.Locking", .tp_basicsize = sizeof(Locking), .tp_flags = Py_TPFLAGS_DEFAULT,
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
    pthread_mutex_t *mutex; /* NULL: one thread alone counts */
    int pipe[2];            /* what the system reads comes through it; 0: nothing does */
};

static struct counter counters[COUNTERS_MAX];
static volatile int counters_count;
static PyObject *types[16];
static PyObject *python_class, *subclass; /* given from Python */

/* Threads may be at work: they see it whole. */
static void
add(struct counter counter)
{
    if (counters_count == COUNTERS_MAX) {
        Py_FatalError("too many counters");
    }
    *counter.at = 0;
    counters[counters_count] = counter;
    __atomic_store_n(&counters_count, counters_count + 1, __ATOMIC_RELEASE);
}

static void
add_counter(const char *kind, void *at)
{
    add((struct counter){.at = at, .kind = kind});
}

static void
add_locked_counter(const char *kind, void *at, pthread_mutex_t *mutex)
{
    pthread_mutex_init(mutex, NULL);
    add((struct counter){.at = at, .kind = kind, .mutex = mutex});
}

static void
add_read_counter(const char *kind, void *at)
{
    struct counter counter = {.at = at, .kind = kind};
    if (pipe(counter.pipe) != 0) {
        Py_FatalError("no pipe");
    }
    add(counter);
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
    if (strcmp(kind, "extra set") == 0) {
        static PyObject *type;
        if (type == NULL) {
            type = PyObject_CallFunction((PyObject *)&PyType_Type, "s(O){s()}", "Set", &PySet_Type, "__slots__");
        }
        PySetObject *set = (PySetObject *)PyUnstable_Object_GC_NewWithExtraData((PyTypeObject *)type, 32);
        set->table = set->smalltable;
        set->mask = PySet_MINSIZE - 1;
        add_counter("extra set", (char *)set + ((PyTypeObject *)type)->tp_basicsize + 16);
        PyObject_GC_Track(set);
        return (PyObject *)set;
    }
#endif
    if (strcmp(kind, "memory") == 0) {
        void *memory = PyMem_Malloc(40);
        add_counter("memory", memory);
        return PyLong_FromVoidPtr(memory);
    }
    if (strcmp(kind, "locking") == 0) {
        PyObject *object = new_of((PyObject *)&locking_type);
        add_locked_counter("locking", (void *)&((Locking *)object)->counter, &((Locking *)object)->mutex);
        return object;
    }
    if (strcmp(kind, "locked memory") == 0) {
        pthread_mutex_t *memory = PyMem_Malloc(sizeof(pthread_mutex_t) + sizeof(long));
        add_locked_counter("locked memory", memory + 1, memory);
        return PyLong_FromVoidPtr(memory);
    }
    if (strcmp(kind, "read buffer") == 0) {
        void *memory = PyMem_Malloc(40);
        add_read_counter("read buffer", memory);
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

/* --- writing: a counter is one thread's, or has a lock, so that a count is lost only if somebody else writes --- */

enum { THREADS = 2 };

static pthread_t threads[THREADS];
static volatile int is_running;
static volatile long counted[COUNTERS_MAX];
static long lost_reads;

static void
count_locked(int i)
{
    pthread_mutex_lock(counters[i].mutex);
    *counters[i].at += 1;
    counted[i]++;
    pthread_mutex_unlock(counters[i].mutex);
}

/* The last thread sends the number that the first one waits for, when that has read the one before. */
static void
count_through_pipe(int i, int thread)
{
    static long sent[COUNTERS_MAX];
    if (thread == THREADS - 1 && counted[i] == sent[i]) {
        long next = ++sent[i];
        if (write(counters[i].pipe[1], &next, sizeof next) != sizeof next) {
            Py_FatalError("a pipe that takes nothing");
        }
    } else if (thread == 0 && read(counters[i].pipe[0], (void *)counters[i].at, sizeof(long)) == sizeof(long)) {
        lost_reads += *counters[i].at != counted[i] + 1;
        counted[i]++;
    }
}

static void *
write_counters(void *number)
{
    int thread = (int)(intptr_t)number;
    while (is_running) {
        for (int i = 0; i < counters_count; i++) {
            if (counters[i].mutex != NULL) {
                count_locked(i);
            } else if (counters[i].pipe[1] != 0) {
                count_through_pipe(i, thread);
            } else if (i % THREADS == thread) {
                *counters[i].at += 1;
                counted[i]++;
            }
        }
    }
    return NULL;
}

extern void (*before_shown)(const char *at, size_t size_bytes) __attribute__((weak)); /* showing.c's */
static long met;

/* The first count that ends may have begun before the copy. */
static void
wait_until_counted(const char *at, size_t size_bytes)
{
    for (int i = 0; is_running && i < counters_count; i++) {
        if ((uintptr_t)counters[i].at - (uintptr_t)at < size_bytes) {
            met++;
            for (long before = counted[i]; is_running && counted[i] < before + 2;) {
                sched_yield();
            }
        }
    }
}

static PyObject *
begin(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    is_running = 1;
    if (&before_shown != NULL) {
        before_shown = wait_until_counted;
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, write_counters, (void *)(intptr_t)i) != 0) {
            PyErr_SetString(PyExc_RuntimeError, "no thread");
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static long
count_lost(void)
{
    long lost = lost_reads;
    for (int i = 0; i < counters_count; i++) {
        lost += counted[i] - *counters[i].at;
    }
    return lost;
}

/* While they count, give or take one for each thread. */
static PyObject *
lost_until_now(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    return PyLong_FromLong(count_lost());
}

static PyObject *
met_until_now(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    return PyLong_FromLong(met);
}

/* How many counts there were, and how many were lost. */
static PyObject *
end(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    is_running = 0;
    long all = 0;
    pthread_join(threads[THREADS - 1], NULL);
    for (int i = 0; i < counters_count; i++) {
        if (counters[i].pipe[1] != 0) {
            close(counters[i].pipe[1]); /* whoever waits goes on */
        }
    }
    pthread_join(threads[0], NULL);
    for (int i = 0; i < counters_count; i++) {
        all += counted[i];
    }
    return Py_BuildValue("(ll)", all, count_lost());
}

/* --- */

static PyMethodDef methods[] = {
    {"make", make, METH_VARARGS, NULL},         {"give_classes", give_classes, METH_VARARGS, NULL},
    {"counters", all_counters, METH_NOARGS, NULL}, {"begin", begin, METH_NOARGS, NULL},
    {"end", end, METH_NOARGS, NULL},            {"lost", lost_until_now, METH_NOARGS, NULL},
    {"met", met_until_now, METH_NOARGS, NULL},  {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "proving", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC
PyInit_proving(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || PyModule_AddType(module, &plain_type) != 0 || PyModule_AddType(module, &tracked_type) != 0
        || PyModule_AddType(module, &locking_type) != 0) {
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
