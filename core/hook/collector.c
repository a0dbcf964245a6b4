/* See collector.h.
 *
 *     | young: head, threshold, count | middle | old | (word) | permanent | statistics | collecting | (word) | garbage
 *     24 bytes each                                    3.11-3.13                                         3.15
 */
#include "hook/collector.h"
#include "hook/homes.h"

#include <string.h>

struct header {
    uintptr_t next; /* the two lowest bits of both are flags */
    uintptr_t previous;
};

#define FLAGS ((uintptr_t)3)

enum { YOUNG, PERMANENT = 3, LISTS };

static struct {
    struct header *heads[LISTS];
    const int *collecting;
    PyInterpreterState *interpreter; /* whose lists these are; NULL: not found */
} lists;

static PyObject *marker;
static int walked_list; /* which list is being walked, as it was called when the walk of it began */
static struct header *last; /* the last one passed; the marker's at the beginning of a step */

static struct header *
header_of(PyObject *object)
{
    return (struct header *)object - 1;
}

static PyObject *
object_of(struct header *header)
{
    return (PyObject *)(header + 1);
}

static struct header *
next_of(const struct header *header)
{
    return (struct header *)(header->next & ~FLAGS);
}

static struct header *
previous_of(const struct header *header)
{
    return (struct header *)(header->previous & ~FLAGS);
}

/* --- finding the lists --- */

enum { GENERATION_BYTES = 24, WORDS_TO_GARBAGE_MAX = 40 };

/* The youngest list's head stands behind the newest object. */
static struct header *
youngest_head(void)
{
    PyObject *newest = PyList_New(0);
    if (newest == NULL) {
        return NULL;
    }
    struct header *head = next_of(header_of(newest));
    Py_DECREF(newest);
    return head;
}

/* Before anything there is read: it lies within the interpreter's own memory. */
static bool
is_in_interpreter(const struct header *head)
{
    enum { INTERPRETER_BYTES_MAX = 1 << 20 };
    uintptr_t start = (uintptr_t)PyInterpreterState_Get();
    return (uintptr_t)head - start < INTERPRETER_BYTES_MAX && (uintptr_t)head % sizeof(void *) == 0;
}

static bool
thresholds_match(PyObject *collector)
{
    PyObject *thresholds = PyObject_CallMethod(collector, "get_threshold", NULL);
    bool match = thresholds != NULL && PyTuple_Check(thresholds) && PyTuple_GET_SIZE(thresholds) == PERMANENT;
    for (int i = YOUNG; match && i < PERMANENT; i++) {
        match = PyLong_AsLong(PyTuple_GET_ITEM(thresholds, i)) == *(const int *)(lists.heads[i] + 1);
    }
    Py_XDECREF(thresholds);
    return match;
}

static int *
count_of(int list)
{
    return (int *)(void *)(lists.heads[list] + 1) + 1;
}

/* As they were before the tuple was made, which counts too. */
static bool
counts_match(PyObject *collector)
{
    int before[PERMANENT];
    for (int i = YOUNG; i < PERMANENT; i++) {
        before[i] = *count_of(i);
    }
    PyObject *counts = PyObject_CallMethod(collector, "get_count", NULL);
    bool match = counts != NULL && PyTuple_Check(counts) && PyTuple_GET_SIZE(counts) == PERMANENT;
    for (int i = YOUNG; match && i < PERMANENT; i++) {
        match = PyLong_AsLong(PyTuple_GET_ITEM(counts, i)) == before[i];
    }
    Py_XDECREF(counts);
    return match;
}

static bool
closes(const struct header *head)
{
    return head->next != 0 && head->previous != 0 && previous_of(next_of(head)) == head
           && next_of(previous_of(head)) == head;
}

/* gc.freeze()'s count is the permanent list's length, and nothing else's. */
static bool
permanent_length_matches(PyObject *collector)
{
    PyObject *counted = PyObject_CallMethod(collector, "get_freeze_count", NULL);
    long length = 0;
    for (const struct header *at = next_of(lists.heads[PERMANENT]); at != lists.heads[PERMANENT]; at = next_of(at)) {
        length++;
    }
    bool match = counted != NULL && PyLong_AsLong(counted) == length;
    Py_XDECREF(counted);
    return match;
}

/* The flag stands before the neighbours gc.garbage and gc.callbacks. */
static const int *
find_collecting(PyObject *collector)
{
    PyObject *garbage = PyObject_GetAttrString(collector, "garbage");
    PyObject *callbacks = PyObject_GetAttrString(collector, "callbacks");
    const int *found = NULL;
    PyObject *const *words = (PyObject *const *)(const void *)(lists.heads[PERMANENT] + 1);
    for (int i = 1; garbage != NULL && callbacks != NULL && found == NULL && i < WORDS_TO_GARBAGE_MAX; i++) {
        if (words[i] == garbage && words[i + 1] == callbacks) {
            found = (const int *)(words + i - VERSION_WORDS_TO_GARBAGE);
        }
    }
    Py_XDECREF(garbage);
    Py_XDECREF(callbacks);
    return found;
}

/* --- trying the flag: it is up in a callback of a collection, and down before and after --- */

static int seen_in_callback;

static PyObject *
look_at_flag(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    seen_in_callback = *lists.collecting;
    Py_RETURN_NONE;
}

static bool
try_collection(PyObject *collector)
{
    static PyMethodDef look = {"look_at_flag", look_at_flag, METH_VARARGS, NULL};
    PyObject *callback = PyCFunction_New(&look, NULL);
    PyObject *callbacks = PyObject_GetAttrString(collector, "callbacks");
    bool is_right = false;
    if (callback != NULL && callbacks != NULL && PyList_Check(callbacks) && PyList_Append(callbacks, callback) == 0) {
        seen_in_callback = -1;
        bool was_down = *lists.collecting == 0;
        PyObject *collected = PyObject_CallMethod(collector, "collect", "i", 0);
        is_right = collected != NULL && was_down && seen_in_callback == 1 && *lists.collecting == 0;
        Py_XDECREF(collected);
        PyErr_Clear();
        Py_XDECREF(PyObject_CallMethod(callbacks, "remove", "O", callback));
    }
    Py_XDECREF(callback);
    Py_XDECREF(callbacks);
    return is_right;
}

/* --- */

static void
place_heads(struct header *youngest)
{
    char *at = (char *)youngest;
    for (int i = YOUNG; i < PERMANENT; i++) {
        lists.heads[i] = (struct header *)(void *)(at + i * GENERATION_BYTES);
    }
    at += PERMANENT * GENERATION_BYTES;
    bool has_pointer = *(void **)(void *)at == (void *)youngest;
    lists.heads[PERMANENT] = (struct header *)(void *)(at + (has_pointer ? sizeof(void *) : 0));
}

/* The thresholds are CPython's own, and nothing is frozen. */
static bool
look_untouched(void)
{
    static const int thresholds[PERMANENT] = VERSION_THRESHOLDS;
    bool found = next_of(lists.heads[PERMANENT]) == lists.heads[PERMANENT] && closes(lists.heads[PERMANENT]);
    for (int i = YOUNG; found && i < PERMANENT; i++) {
        found = thresholds[i] == *(const int *)(lists.heads[i] + 1);
    }
    return found;
}

/* Python is only asked where they do not look untouched: its functions for that are used by few programs, and would be
 * 0.2 MiB of it in memory in each process. */
static const char *
check_heads(PyObject *collector)
{
    bool is_clear = look_untouched();
    if (!is_clear && (!thresholds_match(collector) || !counts_match(collector))) {
        return "the collector's lists are not where they were expected";
    }
    for (int i = YOUNG; i < LISTS; i++) {
        if (!closes(lists.heads[i])) {
            return "the collector's lists are not closed";
        }
    }
    if (!is_clear && !permanent_length_matches(collector)) {
        return "the collector's permanent list is not where it was expected";
    }
    lists.collecting = find_collecting(collector);
    return lists.collecting == NULL ? "whether the collector is at work cannot be seen" : NULL;
}

static const char *
find(void)
{
    struct header *youngest = youngest_head();
    if (youngest == NULL || !is_in_interpreter(youngest)) {
        return "the collector's lists are not where they were expected";
    }
    bool is_known = lists.interpreter == PyInterpreterState_Get() && lists.heads[YOUNG] == youngest;
    if (is_known) {
        return NULL;
    }
    lists.interpreter = NULL;
    PyObject *collector = PyImport_ImportModule("gc");
    if (collector == NULL) {
        return "there is no module gc";
    }
    place_heads(youngest);
    const char *reason = check_heads(collector);
    if (reason == NULL && !try_collection(collector)) {
        reason = "whether the collector is at work cannot be seen";
    }
    Py_DECREF(collector);
    if (reason == NULL) {
        lists.interpreter = PyInterpreterState_Get();
    }
    return reason;
}

static bool make_marker(void);

const char *
collector_find(void)
{
    if (!version_layouts_are_known()) {
        return "this version of CPython is newer than what is known of its objects";
    }
    if (version_collects_by_increments()) {
        return "this version of CPython collects by increments";
    }
    const char *reason = find();
    if (reason == NULL && !make_marker()) {
        reason = "there is no memory for the marker";
    }
    PyErr_Clear();
    return reason;
}

bool
collector_is_at_work(void)
{
    return *lists.collecting != 0;
}

/* --- holding it: what is counted since the last collection is so far below every threshold that none is due --- */

enum { HELD_COUNTS = 1 << 30 };

static struct {
    bool is_held, was_enabled;
} held;

/* Where the lists are not known it is switched off: the next best. */
void
collector_hold(void)
{
    held.is_held = lists.interpreter == PyInterpreterState_Main();
    if (!held.is_held) {
        held.was_enabled = PyGC_Disable();
        return;
    }
    for (int i = YOUNG; i < PERMANENT; i++) {
        *count_of(i) -= HELD_COUNTS;
    }
}

/* A collection that the program asked for meanwhile has begun a count anew, which stays. */
void
collector_let_go_in_child(void)
{
    for (int i = YOUNG; held.is_held && i < PERMANENT; i++) {
        if (*count_of(i) < -HELD_COUNTS / 2) {
            *count_of(i) += HELD_COUNTS;
        }
    }
    held.is_held = false;
}

void
collector_let_go(void)
{
    collector_let_go_in_child();
    if (held.was_enabled) {
        PyGC_Enable();
    }
    held.was_enabled = false;
}

/* --- the marker --- */

static int
traverse_marker(PyObject *Py_UNUSED(self), visitproc Py_UNUSED(visit), void *Py_UNUSED(context))
{
    return 0;
}

/* It lives for ever: whoever asks gc.get_objects() may hold it. */
static PyTypeObject marker_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "quire._core.Marker",
    .tp_doc = PyDoc_STR("Where a pass of quire's over the collector's lists has come to."),
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = traverse_marker,
    .tp_dealloc = (destructor)PyObject_GC_Del,
};

static void
set_next(struct header *header, struct header *next)
{
    header->next = (header->next & FLAGS) | (uintptr_t)next;
}

static void
set_previous(struct header *header, struct header *previous)
{
    header->previous = (header->previous & FLAGS) | (uintptr_t)previous;
}

static void
link_behind(struct header *header, struct header *before)
{
    struct header *behind = next_of(before);
    set_next(before, header);
    set_previous(header, before);
    set_next(header, behind);
    set_previous(behind, header);
}

static void
unlink_header(struct header *header)
{
    set_next(previous_of(header), next_of(header));
    set_previous(next_of(header), previous_of(header));
}

static bool
make_marker(void)
{
    if (marker == NULL && PyType_Ready(&marker_type) == 0) {
        marker = PyObject_GC_New(PyObject, &marker_type);
    }
    PyErr_Clear();
    return marker != NULL;
}

void
collector_begin(void)
{
    PyObject_GC_Track(marker);
    unlink_header(header_of(marker));
    link_behind(header_of(marker), lists.heads[YOUNG]);
    walked_list = YOUNG;
    last = header_of(marker);
}

void
collector_end(void)
{
    if (PyObject_GC_IsTracked(marker)) {
        PyObject_GC_UnTrack(marker);
    }
}

/* --- walking --- */

static bool
is_head(const struct header *header)
{
    return header == lists.heads[0] || header == lists.heads[1] || header == lists.heads[2] || header == lists.heads[3];
}

PyObject *
collector_next(void)
{
    struct header *next = next_of(at_home(last));
    for (;; next = next_of(at_home(next))) {
        if (is_head(next)) {
            if (++walked_list >= LISTS) {
                walked_list = PERMANENT; /* asked again, the answer is the same */
                return NULL;
            }
            next = last = lists.heads[walked_list];
        } else if (next != header_of(marker)) {
            return object_of(next);
        }
    }
}

void
collector_pass(PyObject *object)
{
    last = header_of(object);
}

void
collector_rest(void)
{
    struct header *own = header_of(marker);
    if (last != own) {
        unlink_header(own);
        link_behind(own, last);
        last = own;
    }
}

void
collector_visit_all(void (*visit)(void *context, PyObject *object), void *context)
{
    for (int list = YOUNG; list < LISTS; list++) {
        struct header *header = next_of(lists.heads[list]);
        while (header != lists.heads[list]) {
            struct header *next = next_of(at_home(header));
            visit(context, object_of(header));
            header = next;
        }
    }
}
