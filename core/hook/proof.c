/* See proof.h. */
#include "hook/proof.h"

#include "heap/proofs.h"
#include "hook/collector.h"
#include "hook/layouts.h"
#include "hook/service.h"

#include <time.h>

/* How much is done between two looks at the clock, in objects looked at. */
enum { WORK_BETWEEN_LOOKS = 64 };

/* What a container subclass has beside its items is shown by its traverse function, which shows the items too: so it is
 * called for those of few items only. */
enum { ITEMS_TRAVERSED_MAX = 256 };

/* So many bytes objects at most, 8 MiB of references: the rest stay foreign. */
enum { REFERENCES_MAX = 1 << 20 };

/* A container that the walk is in. The stack of them reaches from the owner to the one whose items are looked at. */
struct level {
    struct layout_walk walk;
    bool is_owner;   /* the marker stands before it; else, between steps, it is held */
    bool is_held;
    bool bytes_only; /* a list, gone over once more */
};

static struct {
    bool is_under_way;
    bool is_done;
    struct heap *heap;
    struct level *levels;
    size_t depth;
    size_t levels_room;
    PyObject **references; /* to proven bytes */
    size_t references_room;
    PyObject **leaving; /* containers that were held and are not needed any more */
    size_t leaving_count;
    size_t leaving_room;
    PyObject *owner; /* in the middle of its items: it stands behind the marker, and at the bottom of the stack */
    size_t work;
    struct proof_counts counts;
    void (*tell)(void *context, const void *address, enum finding finding, PyTypeObject *type);
    void *tell_context;
} pass;

uint64_t
proof_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- small arrays, in memory that is libc's: Python's allocators are not to be called while lists are walked --- */

static bool
make_room(void *array, size_t *room, size_t count, size_t item_bytes)
{
    if (count < *room) {
        return true;
    }
    size_t larger_room = *room == 0 ? 256 : *room * 2;
    void *larger = PyMem_RawRealloc(*(void **)array, larger_room * item_bytes);
    if (larger == NULL) {
        return false;
    }
    *(void **)array = larger;
    *room = larger_room;
    return true;
}

/* --- what is proven --- */

static void
tell(const void *address, enum finding finding, PyTypeObject *type)
{
    if (pass.tell != NULL && address != NULL) {
        pass.tell(pass.tell_context, address, finding, type);
    }
}

/* An extension may have had CPython obtain more for the object than its type says, and keep data there. */
static bool
has_hidden_data(PyObject *object)
{
    size_t block_bytes;
    size_t object_bytes = layout_object_bytes(object);
    bool is_told = object_bytes != 0 && proofs_block(pass.heap, object, &block_bytes) != NULL;
    return is_told && block_bytes != block_bytes_of(size_class_of(object_bytes));
}

/* Of any type; with its buffer, where it is known. */
static void
tell_object(PyObject *object)
{
    tell(object, FINDING_OBJECT, Py_TYPE(object));
    if (pass.tell != NULL && PyByteArray_Check(object)) {
        tell(PyByteArray_AS_STRING(object), FINDING_TABLE, Py_TYPE(object));
    }
}

static void
prove_object(PyObject *object, enum kind kind)
{
    if (proofs_wants(pass.heap, object) && !has_hidden_data(object)) {
        proofs_add(pass.heap, object);
    }
    tell(object, FINDING_REVIEWED_OBJECT, Py_TYPE(object));
    const void *tables[LAYOUT_TABLES_MAX];
    size_t count = layout_tables(object, kind, tables);
    for (size_t i = 0; i < count; i++) {
        proofs_add(pass.heap, tables[i]);
        tell(tables[i], FINDING_TABLE, Py_TYPE(object));
    }
}

/* --- bytes ---
 *
 * A veto is a mark at the second cell of the block, where nothing else puts one: bytes have no header of the
 * collector's. */

static const void *
veto_mark_of(PyObject *bytes)
{
    return (const char *)bytes + ALIGNMENT_BYTES;
}

static void
veto(PyObject *bytes)
{
    if (proofs_wants(pass.heap, bytes) && proofs_visit(pass.heap, veto_mark_of(bytes))) {
        proofs_remove(pass.heap, bytes);
        pass.counts.vetoed++;
    }
}

static void
prove_bytes(PyObject *bytes)
{
    tell(bytes, FINDING_REVIEWED_OBJECT, Py_TYPE(bytes));
    if (!proofs_wants(pass.heap, bytes) || proofs_has(pass.heap, bytes)
        || proofs_was_visited(pass.heap, veto_mark_of(bytes)) || pass.counts.references == REFERENCES_MAX
        || !make_room(&pass.references, &pass.references_room, pass.counts.references, sizeof(PyObject *))) {
        return;
    }
    pass.references[pass.counts.references++] = Py_NewRef(bytes);
    proofs_add(pass.heap, bytes);
}

/* --- going on to containers --- */

static void
push(PyObject *container, enum kind kind, bool is_owner, bool bytes_only)
{
    if (make_room(&pass.levels, &pass.levels_room, pass.depth, sizeof(struct level))) {
        pass.levels[pass.depth++] = (struct level){{container, 0, NULL, kind}, is_owner, false, bytes_only};
    }
}

/* Two marks on a list, in the cells behind the one in which its block begins: a reviewed owner refers to it; it has
 * bytes, and nobody was known to refer to it when they were met. */

static const void *
has_bytes_mark_of(PyObject *list)
{
    return (const char *)list + ALIGNMENT_BYTES;
}

static void
note_referred_list(PyObject *list)
{
    if (proofs_visit(pass.heap, list) && proofs_was_visited(pass.heap, has_bytes_mark_of(list))) {
        push(list, KIND_LIST, false, true);
    }
}

static bool
is_referred_list(PyObject *list)
{
    return proofs_was_visited(pass.heap, list);
}

/* --- children --- */

enum from {
    FROM_UNREVIEWED,
    FROM_REVIEWED,
    FROM_LIST, /* a reviewed list that nobody is known to refer to */
};

static void consider(PyObject *child, enum from from);

static int
visit_child(PyObject *child, void *from)
{
    consider(child, *(const enum from *)from);
    return 0;
}

static void
traverse(PyObject *owner, enum from from)
{
    traverseproc show = Py_TYPE(owner)->tp_traverse;
    if (show != NULL) {
        show(owner, visit_child, &from);
    }
}

static void
consider_hidden_children(PyObject *object, enum kind kind)
{
    PyObject *children[LAYOUT_CHILDREN_MAX];
    size_t count = layout_children(object, kind, children);
    for (size_t i = 0; i < count; i++) {
        consider(children[i], FROM_REVIEWED);
    }
}

static void
follow(PyObject *object, enum kind kind)
{
    if (!proofs_visit(pass.heap, object)) {
        return;
    }
    prove_object(object, kind);
    if (layout_has_items(kind)) {
        push(object, kind, false, false);
    } else if (kind == KIND_STRUCT_SEQUENCE) {
        traverse(object, FROM_REVIEWED);
    } else {
        consider_hidden_children(object, kind);
    }
}

/* Tracked objects are owners themselves. Of the others those of types that CPython untracks are followed; one that has
 * not been tracked yet, or not any more, is left alone. */
static void
consider_container(PyObject *child, enum kind kind)
{
    if (collector_tracks(child)) {
        if (kind == KIND_LIST) {
            note_referred_list(child);
        }
    } else if (PyTuple_CheckExact(child) || PyDict_CheckExact(child) || PyFrozenSet_CheckExact(child)
               || kind == KIND_STRUCT_SEQUENCE) {
        follow(child, kind);
    }
}

static void
consider_leaf(PyObject *child, enum kind kind, enum from from)
{
    bool counts_from_all = kind == KIND_NUMBER || kind == KIND_STRING;
    if (kind == KIND_UNKNOWN || (from == FROM_UNREVIEWED && !counts_from_all)) {
        return;
    }
    if (kind == KIND_CODE) {
        follow(child, kind);
    } else {
        prove_object(child, kind);
        consider_hidden_children(child, kind);
    }
}

static void
consider_bytes(PyObject *bytes, enum from from)
{
    if (from == FROM_UNREVIEWED) {
        veto(bytes);
    } else if (from == FROM_REVIEWED) {
        prove_bytes(bytes);
    }
}

/* NULL: an owner under construction. Types have the header, but not those that are in no heap. */
static void
consider(PyObject *child, enum from from)
{
    if (child == NULL) {
        return;
    }
    pass.work++;
    enum kind kind = types_kind(Py_TYPE(child));
    if (kind == KIND_BYTES) {
        consider_bytes(child, from);
    } else if (!PyType_IS_GC(Py_TYPE(child))) {
        consider_leaf(child, kind, from);
    } else if (from != FROM_UNREVIEWED && kind != KIND_UNKNOWN && kind != KIND_TYPE) {
        consider_container(child, kind);
    }
    tell_object(child);
}

/* --- owners --- */

static bool
is_exact(PyTypeObject *type)
{
    return type == &PyList_Type || type == &PyTuple_Type || type == &PyDict_Type || type == &PySet_Type
           || type == &PyFrozenSet_Type;
}

static void
open_owner(PyObject *owner, enum kind kind)
{
    bool has_items = layout_has_items(kind);
    if (has_items) {
        push(owner, kind, true, false);
    }
    if (!has_items || (!is_exact(Py_TYPE(owner)) && layout_length(owner, kind) <= ITEMS_TRAVERSED_MAX)) {
        traverse(owner, kind == KIND_LIST && !is_referred_list(owner) ? FROM_LIST : FROM_REVIEWED);
    }
}

static void
meet_owner(PyObject *owner)
{
    pass.counts.owners++;
    pass.work += 4;
    enum kind kind = types_kind(Py_TYPE(owner));
    if (kind == KIND_UNKNOWN || kind == KIND_BYTES) {
        tell_object(owner);
        traverse(owner, FROM_UNREVIEWED);
        return;
    }
    prove_object(owner, kind);
    consider_hidden_children(owner, kind);
    open_owner(owner, kind);
}

/* --- the stack --- */

static enum from
from_of(const struct level *level)
{
    bool is_unreferred = level->is_owner && level->walk.kind == KIND_LIST && !is_referred_list(level->walk.object);
    return is_unreferred ? FROM_LIST : FROM_REVIEWED;
}

static void
consider_item(const struct level *level, PyObject *item, enum from from)
{
    if (level->bytes_only) {
        if (item != NULL && PyBytes_CheckExact(item)) {
            prove_bytes(item);
        }
        return;
    }
    if (from == FROM_LIST && item != NULL && PyBytes_CheckExact(item)) {
        proofs_visit(pass.heap, has_bytes_mark_of(level->walk.object));
    }
    consider(item, from);
}

/* What was held is dropped at the end of the step. Without room for it, it is held for ever. */
static void
pop(void)
{
    const struct level *top = &pass.levels[--pass.depth];
    if (top->is_held && make_room(&pass.leaving, &pass.leaving_room, pass.leaving_count, sizeof(PyObject *))) {
        pass.leaving[pass.leaving_count++] = top->walk.object;
    }
}

/* One item of the innermost container, or its end. Considering an item may push, and move the stack. */
static void
advance(void)
{
    size_t top = pass.depth - 1;
    struct layout_items items;
    pass.work++;
    if (!layout_next(&pass.levels[top].walk, &items)) {
        pop();
        return;
    }
    struct level level = pass.levels[top];
    enum from from = from_of(&level);
    if (items.table != NULL) {
        proofs_add(pass.heap, items.table);
        tell(items.table, FINDING_TABLE, Py_TYPE(level.walk.object));
    }
    consider_item(&level, items.first, from);
    consider_item(&level, items.second, from);
}

/* --- steps --- */

static bool
is_late(uint64_t deadline_ns)
{
    if (pass.work < WORK_BETWEEN_LOOKS || deadline_ns == 0) {
        return false;
    }
    pass.work = 0;
    return proof_now_ns() >= deadline_ns;
}

/* Whether all that is on the stack was gone through. */
static bool
go_through_stack(uint64_t deadline_ns)
{
    while (pass.depth > 0) {
        if (is_late(deadline_ns)) {
            return false;
        }
        advance();
    }
    return true;
}

static bool
is_owner_on_stack(void)
{
    return pass.depth > 0 && pass.levels[0].is_owner;
}

/* An owner whose own items are all met is passed, with some of its containers still on the stack: those are held. */
static bool
go_through_owner(uint64_t deadline_ns)
{
    bool is_through = go_through_stack(deadline_ns);
    if (pass.owner != NULL && !is_owner_on_stack()) {
        collector_pass(pass.owner);
        pass.owner = NULL;
    }
    return is_through;
}

/* An owner that was left in the middle may have been freed since, or moved, and will then be met again. There may be
 * another object in its place, of another kind. */
static void
find_owner_again(void)
{
    if (pass.owner == NULL) {
        return;
    }
    struct layout_walk *walk = &pass.levels[0].walk;
    if (collector_next() != pass.owner || types_kind(Py_TYPE(pass.owner)) != walk->kind) {
        pass.owner = NULL;
        walk->object = NULL;
        walk->kind = KIND_UNKNOWN; /* which has no items */
    }
}

static bool
walk_owners(uint64_t deadline_ns)
{
    while ((pass.owner = collector_next()) != NULL) {
        meet_owner(pass.owner);
        if (!go_through_owner(deadline_ns) || is_late(deadline_ns)) {
            return false;
        }
    }
    return true;
}

/* Nothing of it may be freed while the program runs. */
static void
hold_stack(void)
{
    for (size_t i = 0; i < pass.depth; i++) {
        struct level *level = &pass.levels[i];
        level->walk.at = NULL;
        if (!level->is_owner && !level->is_held) { /* the owner's is the first, if it is there */
            Py_INCREF(level->walk.object);
            level->is_held = true;
        }
    }
}

static int
drop_in_main_thread(void *object)
{
    Py_DECREF((PyObject *)object);
    return 0;
}

/* The last reference to a container is dropped by the main thread: what is in it may be of a kind that ends where it
 * was made. Where too many wait for that thread, the next step tries again. */
static void
let_leave(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < pass.leaving_count; i++) {
        PyObject *container = pass.leaving[i];
        if (Py_REFCNT(container) > 1) {
            Py_DECREF(container);
        } else if (Py_AddPendingCall(drop_in_main_thread, container) != 0) {
            pass.leaving[kept++] = container;
        }
    }
    pass.leaving_count = kept;
}

static void
finish_walk(void)
{
    collector_end();
    pass.is_done = true;
}

bool
proof_may_go_on(void)
{
    return !service.is_shared && interpreters_is_main_current();
}

enum proof_state
proof_step(uint64_t deadline_ns)
{
    if (pass.is_done) {
        return PROOF_DONE;
    }
    if (!pass.is_under_way || !proof_may_go_on()) {
        return PROOF_IS_VOID;
    }
    if (collector_is_at_work()) {
        return PROOF_WAITS;
    }
    types_begin_step();
    pass.work = 0;
    find_owner_again();
    bool is_through = go_through_owner(deadline_ns) && walk_owners(deadline_ns);
    collector_rest();
    hold_stack();
    if (is_through) {
        finish_walk();
    }
    let_leave();
    return is_through ? PROOF_DONE : PROOF_GOES_ON;
}

/* --- beginning and end --- */

const char *
proof_begin(bool only_candidates)
{
    if (pass.is_under_way) {
        return "a pass is under way";
    }
    if (service.heap == NULL || !proof_may_go_on()) {
        return "other interpreters share the heap";
    }
    const char *reason = collector_find(); /* which may run the program's code */
    if (reason != NULL) {
        return reason;
    }
    if (pass.is_under_way) {
        return "a pass is under way";
    }
    if (collector_is_at_work()) {
        return "the collector is at work";
    }
    if (proofs_begin(service.heap, only_candidates) != 0) {
        return "the system has no memory for the proofs";
    }
    collector_begin();
    pass.heap = service.heap;
    pass.is_under_way = true;
    pass.is_done = false;
    return NULL;
}

struct proof_counts
proof_counts(void)
{
    return pass.counts;
}

bool
proof_is_under_way(void)
{
    return pass.is_under_way;
}

void
proof_tell(void (*told)(void *context, const void *address, enum finding finding, PyTypeObject *type), void *context)
{
    pass.tell = told;
    pass.tell_context = context;
}

bool
proof_drop_references(uint64_t deadline_ns)
{
    pass.work = 0;
    while (pass.counts.references > 0 && !is_late(deadline_ns)) {
        Py_DECREF(pass.references[--pass.counts.references]);
        pass.work++;
    }
    return pass.counts.references == 0;
}

static void
release_stack(void)
{
    while (pass.depth > 0) {
        pop();
    }
    let_leave();
}

void
proof_end(void)
{
    if (!pass.is_under_way) {
        return;
    }
    if (!pass.is_done) {
        finish_walk();
    }
    proofs_end(pass.heap);
    pass.tell = NULL;
    release_stack();
    proof_drop_references(0);
    PyMem_RawFree(pass.levels);
    PyMem_RawFree(pass.references);
    if (pass.leaving_count == 0) {
        PyMem_RawFree(pass.leaving);
        pass.leaving = NULL;
        pass.leaving_room = 0;
    }
    pass.levels = NULL;
    pass.references = NULL;
    pass.owner = NULL;
    pass.levels_room = pass.references_room = 0;
    pass.counts = (struct proof_counts){0};
    pass.is_under_way = pass.is_done = false;
    types_forget();
}
