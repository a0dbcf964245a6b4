/* See proof.h. */
#include "hook/proof.h"

#include "heap/proofs.h"
#include "hook/collector.h"
#include "hook/homes.h"
#include "hook/layouts.h"
#include "hook/service.h"
#include "os/os.h"

/* How much is done between two looks at the clock, in objects looked at. */
enum { WORK_BETWEEN_LOOKS = 64 };

/* A traverse function shows all that its object refers to, in one go, unless it is told to stop. What a reviewed owner
 * would show beyond so many objects stays foreign. An unknown one might show bytes there: then none count. */
enum { SHOWN_MAX = 1024, SHOWN_BY_UNKNOWN_MAX = 4096 };

/* What a container has beside its items is shown first, and then the items, which are gone over by position. */
enum { SHOWN_BEFORE_ITEMS_MAX = 64 };

/* Going by so many unused places takes as long as looking at an object, about. */
enum { PASSED_A_LOOK = 16 };

/* So many bytes objects at most, 8 MiB of references: the rest stay foreign. */
enum { REFERENCES_MAX = 1 << 20 };

/* What was held and is dropped at the end of a step. */
enum { LEAVING_A_STEP = 512 };

/* In pieces, so that it grows without being copied; of memory that is libc's, for Python's allocators are not to be called
 * while lists are walked. */
enum { PIECE_BYTES = 1 << 16, PIECES_MAX = 256 };

struct stack {
    unsigned items_log2; /* in a piece */
    size_t count;
    char *pieces[PIECES_MAX];
};

/* A container that the walk is in. The stack of them reaches from the owner to the one whose items are looked at; deeper
 * than 2^18 it does not go. */
enum { LEVELS_LOG2 = 10, REFERENCES_LOG2 = 13 };

struct level {
    struct layout_walk walk;
    bool is_owner;   /* the marker stands before it; else, between steps, it is held */
    bool is_held;
    bool bytes_only; /* a list, gone over once more */
};
static_assert(sizeof(struct level) << LEVELS_LOG2 <= PIECE_BYTES, "they fit");
static_assert(sizeof(PyObject *) << REFERENCES_LOG2 == PIECE_BYTES, "they fit");

static struct {
    bool is_under_way;
    bool is_done;
    bool distrusts_bytes; /* none is proven: an unknown owner would have shown too much */
    struct heap *heap;
    struct stack levels;
    size_t untouched_levels; /* at the bottom of the stack: this step has not gone down to them */
    struct stack references; /* to proven bytes */
    struct stack leaving;    /* containers that were held and are not needed any more */
    PyObject *owner; /* in the middle of its items: it stands behind the marker, and at the bottom of the stack */
    size_t work;
    struct proof_counts counts;
    void (*tell)(void *context, const void *address, enum finding finding, PyTypeObject *type);
    void *tell_context;
} pass = {
    .levels = {.items_log2 = LEVELS_LOG2},
    .references = {.items_log2 = REFERENCES_LOG2},
    .leaving = {.items_log2 = REFERENCES_LOG2},
};

/* --- stacks --- */

static void *
item_of(const struct stack *stack, size_t index)
{
    size_t item_bytes = (size_t)PIECE_BYTES >> stack->items_log2;
    size_t in_piece = index & (((size_t)1 << stack->items_log2) - 1);
    return stack->pieces[index >> stack->items_log2] + in_piece * item_bytes;
}

/* A place on top; NULL: there is no room. */
static void *
push_item(struct stack *stack)
{
    size_t piece = stack->count >> stack->items_log2;
    if (piece == PIECES_MAX) {
        return NULL;
    }
    if (stack->pieces[piece] == NULL) {
        stack->pieces[piece] = PyMem_RawMalloc(PIECE_BYTES);
    }
    return stack->pieces[piece] == NULL ? NULL : item_of(stack, stack->count++);
}

static bool
push_object(struct stack *stack, PyObject *object)
{
    PyObject **place = push_item(stack);
    if (place != NULL) {
        *place = object;
    }
    return place != NULL;
}

static PyObject *
pop_object(struct stack *stack)
{
    return *(PyObject **)item_of(stack, --stack->count);
}

/* Of an empty one. */
static void
release_pieces(struct stack *stack)
{
    for (size_t i = 0; i < PIECES_MAX && stack->pieces[i] != NULL; i++) {
        PyMem_RawFree(stack->pieces[i]);
        stack->pieces[i] = NULL;
    }
}

static struct level *
level_at(size_t depth)
{
    return item_of(&pass.levels, depth);
}

/* --- what is proven --- */

static PyTypeObject *
type_of(PyObject *object)
{
    return Py_TYPE(readable(object));
}

static void
tell(const void *address, enum finding finding, PyObject *object)
{
    if (pass.tell != NULL && address != NULL) {
        pass.tell(pass.tell_context, address, finding, type_of(object));
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
    tell(object, FINDING_OBJECT, object);
    if (pass.tell != NULL && PyByteArray_Check(object)) {
        tell(PyByteArray_AS_STRING(object), FINDING_TABLE, object);
    }
}

/* A table that lies in the object's own block proves nothing: there may be more in it than the object. */
static bool
lies_in(const void *table, PyObject *object)
{
    return (size_t)((const char *)table - (const char *)object) < (size_t)type_of(object)->tp_basicsize;
}

static void
prove_object(PyObject *object, enum kind kind)
{
    if (proofs_wants(pass.heap, object) && !has_hidden_data(object)) {
        proofs_add(pass.heap, object);
    }
    tell(object, FINDING_REVIEWED_OBJECT, object);
    const void *tables[LAYOUT_TABLES_MAX];
    size_t count = layout_tables(readable(object), kind, tables);
    for (size_t i = 0; i < count; i++) {
        if (tables[i] != NULL && !lies_in(tables[i], object)) {
            proofs_add(pass.heap, tables[i]);
            tell(tables[i], FINDING_TABLE, object);
        }
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
    if (!proofs_wants(pass.heap, bytes)) {
        return;
    }
    if (proofs_visit(pass.heap, veto_mark_of(bytes))) {
        proofs_remove(pass.heap, bytes);
        pass.counts.vetoed++;
    } else if (!proofs_was_visited(pass.heap, veto_mark_of(bytes))) {
        pass.distrusts_bytes = true; /* there is no memory for the mark */
    }
}

static void
prove_bytes(PyObject *bytes)
{
    tell(bytes, FINDING_REVIEWED_OBJECT, bytes);
    bool can_be = !pass.distrusts_bytes && proofs_wants(pass.heap, bytes) && !proofs_has(pass.heap, bytes)
               && !proofs_was_visited(pass.heap, veto_mark_of(bytes));
    if (can_be && pass.references.count < REFERENCES_MAX && push_object(&pass.references, bytes)) {
        Py_INCREF(bytes);
        proofs_add(pass.heap, bytes);
    }
}

/* --- going on to containers --- */

static void
push(PyObject *container, enum kind kind, bool is_owner, bool bytes_only)
{
    struct level *level = push_item(&pass.levels);
    if (level != NULL) {
        *level = (struct level){{container, 0, NULL, kind}, is_owner, false, bytes_only};
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
    FROM_UNKNOWN,
    FROM_HOLDER,
    FROM_REVIEWED,
    FROM_LIST, /* a reviewed list that nobody is known to refer to */
};

static void consider(PyObject *child, enum from from);

struct showing {
    enum from from;
    size_t left;
    bool is_cut;
};

static int
visit_child(PyObject *child, void *context)
{
    struct showing *showing = context;
    showing->is_cut = showing->left == 0;
    if (!showing->is_cut) {
        showing->left--;
        consider(child, showing->from);
    }
    return showing->is_cut; /* which ends it */
}

/* Have the owner show at most so many objects; whether there were more. It may compare its own address with what it keeps
 * (a frame's end of stack, a ring of entries that ends at their owner), so it is not read at its home. */
static bool
traverse(PyObject *owner, enum from from, size_t shown_max)
{
    struct showing showing = {from, shown_max, false};
    traverseproc show = type_of(owner)->tp_traverse;
    if (show != NULL) {
        show(owner, visit_child, &showing);
    }
    return showing.is_cut;
}

static void
consider_hidden_children(PyObject *object, enum kind kind)
{
    PyObject *children[LAYOUT_CHILDREN_MAX];
    size_t count = layout_children(readable(object), kind, children);
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
        traverse(object, FROM_REVIEWED, SHOWN_MAX);
    } else {
        consider_hidden_children(object, kind);
    }
}

/* Tracked objects are owners themselves. Of the others those of types that CPython untracks are followed; one that has
 * not been tracked yet, or not any more, is left alone. */
static void
consider_container(PyObject *child, enum kind kind)
{
    const PyTypeObject *type = type_of(child);
    if (collector_tracks(readable(child))) {
        if (kind == KIND_LIST) {
            note_referred_list(child);
        }
    } else if (type == &PyTuple_Type || type == &PyDict_Type || type == &PyFrozenSet_Type
               || kind == KIND_STRUCT_SEQUENCE) {
        follow(child, kind);
    }
}

static bool
is_reviewed_kind(enum kind kind)
{
    return kind != KIND_UNKNOWN && kind != KIND_HOLDER;
}

static bool
is_from_reviewed(enum from from)
{
    return from != FROM_UNKNOWN && from != FROM_HOLDER;
}

static void
consider_leaf(PyObject *child, enum kind kind, enum from from)
{
    bool counts_from_all = kind == KIND_NUMBER || kind == KIND_STRING;
    if (!is_reviewed_kind(kind) || (!is_from_reviewed(from) && !counts_from_all)) {
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
    if (from == FROM_UNKNOWN) {
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
    PyTypeObject *type = type_of(child);
    enum kind kind = types_kind(type);
    if (kind == KIND_BYTES) {
        consider_bytes(child, from);
    } else if (!PyType_IS_GC(type)) {
        consider_leaf(child, kind, from);
    } else if (is_from_reviewed(from) && is_reviewed_kind(kind) && kind != KIND_TYPE) {
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
    if (!is_exact(type_of(owner))) {
        enum from from = kind == KIND_LIST && !is_referred_list(owner) ? FROM_LIST : FROM_REVIEWED;
        traverse(owner, from, has_items || kind == KIND_CACHE ? SHOWN_BEFORE_ITEMS_MAX : SHOWN_MAX);
    }
}

static void
meet_unreviewed(PyObject *owner, enum kind kind)
{
    tell_object(owner);
    if (kind == KIND_HOLDER) {
        traverse(owner, FROM_HOLDER, SHOWN_MAX);
    } else if (traverse(owner, FROM_UNKNOWN, SHOWN_BY_UNKNOWN_MAX)) {
        pass.distrusts_bytes = true;
    }
}

static void
meet_owner(PyObject *owner)
{
    pass.counts.owners++;
    pass.work += 4;
    enum kind kind = types_kind(type_of(owner));
    if (!is_reviewed_kind(kind) || kind == KIND_BYTES) {
        meet_unreviewed(owner, kind);
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
        if (item != NULL && type_of(item) == &PyBytes_Type) {
            prove_bytes(item);
        }
        return;
    }
    if (from == FROM_LIST && item != NULL && type_of(item) == &PyBytes_Type) {
        proofs_visit(pass.heap, has_bytes_mark_of(level->walk.object));
    }
    consider(item, from);
}

/* What was held is dropped at the end of the step. Without room for it, it is held for ever. */
static void
pop(void)
{
    const struct level *top = level_at(--pass.levels.count);
    if (pass.untouched_levels >= pass.levels.count) { /* the next one is on top now */
        pass.untouched_levels = pass.levels.count == 0 ? 0 : pass.levels.count - 1;
    }
    if (top->is_held) {
        push_object(&pass.leaving, top->walk.object);
    }
}

/* One item of the innermost container, or its end. */
static void
advance(void)
{
    struct level *top = level_at(pass.levels.count - 1);
    struct layout_items items;
    bool goes_on = layout_next(&top->walk, &items);
    pass.work += 1 + items.passed / PASSED_A_LOOK;
    if (!goes_on) {
        pop();
        return;
    }
    struct level level = *top;
    enum from from = from_of(&level);
    if (items.table != NULL) {
        proofs_add(pass.heap, items.table);
        tell(items.table, FINDING_TABLE, level.walk.object);
    }
    consider_item(&level, items.first, from);
    consider_item(&level, items.second, from);
}

/* --- steps --- */

static void
note_work(void)
{
    pass.counts.work_max = pass.work > pass.counts.work_max ? pass.work : pass.counts.work_max;
    pass.work = 0;
}

static bool
is_late(uint64_t deadline_ns)
{
    if (pass.work < WORK_BETWEEN_LOOKS || deadline_ns == 0) {
        return false;
    }
    note_work();
    return os_now_ns() >= deadline_ns;
}

/* Whether all that is on the stack was gone through. */
static bool
go_through_stack(uint64_t deadline_ns)
{
    while (pass.levels.count > 0) {
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
    return pass.levels.count > 0 && level_at(0)->is_owner;
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
    struct layout_walk *walk = &level_at(0)->walk;
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

/* Nothing of it may be freed while the program runs. What was below the top all the while is held since it was not. */
static void
hold_stack(void)
{
    for (size_t i = pass.untouched_levels; i < pass.levels.count; i++, pass.work++) {
        struct level *level = level_at(i);
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
 * was made. Where too many wait for that thread, the next step tries again. False: there was no time for more. */
static bool
let_leave(size_t leaving_max)
{
    for (; pass.leaving.count > 0 && leaving_max > 0; leaving_max--) {
        PyObject *container = pop_object(&pass.leaving);
        if (Py_REFCNT(container) > 1) {
            Py_DECREF(container);
        } else if (Py_AddPendingCall(drop_in_main_thread, container) != 0) {
            push_object(&pass.leaving, container); /* where it was */
            return true;
        }
    }
    return pass.leaving.count == 0;
}

/* What was held and has left. */
static bool
release_stack(uint64_t deadline_ns)
{
    while (pass.levels.count > 0) {
        if (is_late(deadline_ns)) {
            return false;
        }
        pop();
        pass.work++;
    }
    while (!let_leave(WORK_BETWEEN_LOOKS)) {
        pass.work += WORK_BETWEEN_LOOKS;
        if (is_late(deadline_ns)) {
            return false;
        }
    }
    return true;
}

static bool
drop_references(uint64_t deadline_ns)
{
    while (pass.references.count > 0 && !is_late(deadline_ns)) {
        PyObject *bytes = pop_object(&pass.references);
        proofs_remove(pass.heap, bytes);
        Py_DECREF(bytes);
        pass.work++;
    }
    return pass.references.count == 0;
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
    homes_forget();
    pass.work = 0;
    pass.untouched_levels = pass.levels.count == 0 ? 0 : pass.levels.count - 1;
    find_owner_again();
    bool is_through = go_through_owner(deadline_ns) && walk_owners(deadline_ns)
                   && (!pass.distrusts_bytes || drop_references(deadline_ns));
    collector_rest();
    hold_stack();
    note_work();
    if (is_through) {
        finish_walk();
    }
    let_leave(LEAVING_A_STEP);
    return is_through ? PROOF_DONE : PROOF_GOES_ON;
}

/* --- as if nothing were held --- */

/* What never dies has no count that changes. */
static void
count_references(const struct stack *objects, Py_ssize_t difference)
{
    for (size_t i = 0; i < objects->count; i++) {
        PyObject *object = *(PyObject **)item_of(objects, i);
        Py_SET_REFCNT(object, Py_REFCNT(object) + difference);
    }
}

static void
count_all_references(Py_ssize_t difference)
{
    count_references(&pass.references, difference);
    count_references(&pass.leaving, difference);
    for (size_t i = 0; i < pass.levels.count; i++) {
        const struct level *level = level_at(i);
        if (level->is_held) {
            Py_SET_REFCNT(level->walk.object, Py_REFCNT(level->walk.object) + difference);
        }
    }
}

void
proof_let_go(void)
{
    count_all_references(-1);
}

void
proof_hold_again(void)
{
    count_all_references(+1);
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
        return "the system gives no memory for the proofs; raise the limit that is reached (RLIMIT_AS, a control group's)";
    }
    collector_begin();
    pass.heap = service.heap;
    pass.is_under_way = true;
    pass.is_done = pass.distrusts_bytes = false;
    return NULL;
}

struct proof_counts
proof_counts(void)
{
    struct proof_counts counts = pass.counts;
    counts.references = pass.references.count;
    return counts;
}

bool
proof_is_visitor(visitproc visit)
{
    return visit == visit_child;
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
proof_release(uint64_t deadline_ns)
{
    if (!pass.is_under_way) {
        return true;
    }
    if (!pass.is_done) {
        finish_walk();
    }
    pass.work = 0;
    bool is_over = drop_references(deadline_ns) && release_stack(deadline_ns) && proofs_clear(pass.heap, deadline_ns);
    note_work();
    return is_over;
}

void
proof_end(void)
{
    if (!pass.is_under_way) {
        return;
    }
    proof_release(0);
    proofs_end(pass.heap);
    release_pieces(&pass.levels);
    release_pieces(&pass.references);
    if (pass.leaving.count == 0) {
        release_pieces(&pass.leaving);
    }
    pass.tell = NULL;
    pass.owner = NULL;
    pass.counts = (struct proof_counts){0};
    pass.is_under_way = pass.is_done = false;
    types_forget();
}
