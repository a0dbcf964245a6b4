/* See dominators.h. Objects are numbered in the order in which a depth-first search from the roots meets them, the
 * roots together being number 0, and everything is computed in numbers:
 *
 *     number    each object's number by a depth-first search, and its parent there
 *     invert    who refers to each number
 *     semi      from the last number to the first: the semidominator, by path compression
 *     nearest   from the first to the last: the dominator, the first ancestor not above the semidominator
 *     preorder  where each stands in the tree of dominators
 *
 * A number's ancestors have lower numbers, its descendants higher ones. That is what makes each step one loop.
 */
#include "observe/dominators.h"

#include <string.h>

/* Of an object. They stand together, for a search goes from object to object all over memory. */
struct node {
    uint32_t number;  /* 0: not met yet, for no object has it */
    uint32_t sources; /* how many references to it there are; later where the next of them is put */
};

/* Of a number. */
struct link {
    uint32_t parent; /* compressed as semidominators are found */
    uint32_t best;   /* the lowest semidominator on the compressed path */
};

struct work {
    const struct object_graph *graph;
    uint32_t reached;      /* numbers given: 0 to reached - 1 */
    uint32_t source_count; /* references from numbers to numbers */
    struct node *nodes;
    struct link *links;
    uint32_t *row;     /* of a number */
    uint32_t *first;   /* of a number: the next of its references to search; later the first of its sources */
    uint32_t *nearest; /* of a number: the dominator, once it is found; till then the parent */
    uint32_t *path;    /* of numbers, to be compressed */
    uint32_t *sources; /* the numbers that refer to number 1, those that refer to number 2, ... */
    uint32_t *semi;    /* of a number: the semidominator; in the memory of nodes, which are not needed any more */
};

/* --- the graph, and room to work in --- */

static bool
has_sound_ends(const struct object_graph *graph)
{
    uint64_t last_end = 0;
    for (size_t row = 0; row < graph->count; row++) {
        if (graph->edge_end[row] < last_end) {
            return false;
        }
        last_end = graph->edge_end[row];
    }
    return last_end == graph->edge_count;
}

bool
object_graph_is_sound(const struct object_graph *graph)
{
    bool is_sound = has_sound_ends(graph) && graph->edge_count < REFERENCES_MAX - graph->root_count;
    for (size_t edge = 0; edge < graph->edge_count; edge++) {
        is_sound &= graph->edge_to[edge] < graph->count || graph->edge_to[edge] == NO_ROW;
    }
    for (size_t i = 0; i < graph->root_count; i++) {
        is_sound &= graph->roots[i] < graph->count;
    }
    return is_sound;
}

/* The roots together have one, too. */
static size_t
numbers(const struct object_graph *graph)
{
    return (size_t)graph->count + 1;
}

size_t
dominators_work_bytes(const struct object_graph *graph)
{
    return numbers(graph) * (sizeof(struct node) + sizeof(struct link) + 4 * sizeof(uint32_t))
         + (graph->edge_count + graph->root_count) * sizeof(uint32_t);
}

static struct work
work_in(const struct object_graph *graph, void *memory)
{
    struct work work = {.graph = graph, .nodes = memory, .semi = memory};
    work.links = (struct link *)(work.nodes + numbers(graph));
    work.row = (uint32_t *)(work.links + numbers(graph));
    work.first = work.row + numbers(graph);
    work.nearest = work.first + numbers(graph);
    work.path = work.nearest + numbers(graph);
    work.sources = work.path + numbers(graph);
    return work;
}

static uint32_t
edges_begin(const struct object_graph *graph, uint32_t row)
{
    return row == 0 ? 0 : (uint32_t)graph->edge_end[row - 1];
}

/* --- number --- */

static void
give_number(struct work *work, uint32_t row, uint32_t parent)
{
    uint32_t number = work->reached++;
    work->nodes[row].number = number;
    work->row[number] = row;
    work->nearest[number] = parent;
    work->first[number] = edges_begin(work->graph, row);
}

/* Go on through the references of a number, counting, to the first that leads to an object without one; NO_ROW if none
 * is left. */
static uint32_t
next_unmet(struct work *work, uint32_t number)
{
    const struct object_graph *graph = work->graph;
    uint64_t end = graph->edge_end[work->row[number]];
    while (work->first[number] < end) {
        uint32_t to = graph->edge_to[work->first[number]++];
        if (to != NO_ROW) {
            work->nodes[to].sources++;
            if (work->nodes[to].number == 0) {
                return to;
            }
        }
    }
    return NO_ROW;
}

/* The way back is in the parents, so there is no stack. */
static void
number_from(struct work *work, uint32_t root)
{
    uint32_t number = work->reached;
    give_number(work, root, 0);
    while (number != 0) {
        uint32_t to = next_unmet(work, number);
        if (to == NO_ROW) {
            number = work->nearest[number];
        } else {
            give_number(work, to, number);
            number = work->reached - 1;
        }
    }
}

static void
number_all(struct work *work)
{
    const struct object_graph *graph = work->graph;
    memset(work->nodes, 0, graph->count * sizeof *work->nodes);
    work->row[0] = graph->count;
    work->nearest[0] = 0;
    work->reached = 1;
    for (size_t i = 0; i < graph->root_count; i++) {
        uint32_t root = graph->roots[i];
        work->nodes[root].sources++;
        if (work->nodes[root].number == 0) {
            number_from(work, root);
        }
    }
}

/* --- invert --- */

static void
make_room_for_sources(struct work *work)
{
    uint32_t next = 0;
    for (uint32_t number = 1; number < work->reached; number++) {
        struct node *node = &work->nodes[work->row[number]];
        work->first[number] = next;
        next += node->sources;
        node->sources = work->first[number];
    }
    work->source_count = next;
}

static void
put_source(struct work *work, uint32_t from, uint32_t to)
{
    if (to != NO_ROW) {
        work->sources[work->nodes[to].sources++] = from;
    }
}

static void
invert(struct work *work)
{
    const struct object_graph *graph = work->graph;
    make_room_for_sources(work);
    for (size_t i = 0; i < graph->root_count; i++) {
        put_source(work, 0, graph->roots[i]);
    }
    for (uint32_t from = 1; from < work->reached; from++) {
        uint32_t row = work->row[from];
        for (uint64_t edge = edges_begin(graph, row); edge < graph->edge_end[row]; edge++) {
            put_source(work, from, graph->edge_to[edge]);
        }
    }
}

/* --- semi --- */

/* The lowest semidominator on the path from a number up to where parents are below `linked`; a number below it is its
 * own. What is met on the path then leads straight to its end. */
static uint32_t
best_of_path(struct work *work, uint32_t number, uint32_t linked)
{
    struct link *links = work->links;
    size_t length = 0;
    while (links[number].parent >= linked) {
        work->path[length++] = number;
        number = links[number].parent;
    }
    struct link top = links[number];
    while (length > 0) {
        struct link *link = &links[work->path[--length]];
        top.best = link->best < top.best ? link->best : top.best;
        *link = top;
    }
    return top.best;
}

static uint32_t
find_semidominator(struct work *work, uint32_t number, const uint32_t *sources_end)
{
    uint32_t lowest = work->nearest[number];
    for (const uint32_t *source = work->sources + work->first[number]; source < sources_end; source++) {
        uint32_t best = best_of_path(work, *source, number + 1);
        lowest = best < lowest ? best : lowest;
    }
    return lowest;
}

static void
find_semidominators(struct work *work)
{
    for (uint32_t number = 0; number < work->reached; number++) {
        work->links[number] = (struct link){work->nearest[number], number};
    }
    const uint32_t *sources_end = work->sources + work->source_count;
    for (uint32_t number = work->reached - 1; number > 0; number--) {
        work->semi[number] = work->links[number].best = find_semidominator(work, number, sources_end);
        sources_end = work->sources + work->first[number];
    }
}

/* --- nearest --- */

static void
find_nearest(struct work *work)
{
    for (uint32_t number = 1; number < work->reached; number++) {
        uint32_t nearest = work->nearest[number];
        while (nearest > work->semi[number]) {
            nearest = work->nearest[nearest];
        }
        work->nearest[number] = nearest;
    }
}

/* --- preorder --- */

static void
count_below(struct work *work, uint32_t *below)
{
    for (uint32_t number = 0; number < work->reached; number++) {
        below[number] = 1;
    }
    for (uint32_t number = work->reached - 1; number > 0; number--) {
        below[work->nearest[number]] += below[number];
    }
}

/* A dominator takes its place before those that it dominates, and they take theirs behind it, one after another. */
static void
find_places(struct work *work, const uint32_t *below, uint32_t *place, uint32_t *next)
{
    next[0] = 0; /* the roots together have no place */
    for (uint32_t number = 1; number < work->reached; number++) {
        uint32_t nearest = work->nearest[number];
        place[number] = next[nearest];
        next[nearest] += below[number];
        next[number] = place[number] + 1;
    }
}

static void
tell(const struct work *work, const uint32_t *below, const uint32_t *place, struct dominator_tree *tree)
{
    size_t column_bytes = work->graph->count * sizeof(uint32_t);
    memset(tree->dominator, 0xff, column_bytes);
    memset(tree->place, 0xff, column_bytes);
    memset(tree->below, 0, column_bytes);
    for (uint32_t number = 1; number < work->reached; number++) {
        uint32_t row = work->row[number];
        tree->dominator[row] = work->row[work->nearest[number]];
        tree->place[row] = place[number];
        tree->below[row] = below[number];
    }
}

void
dominators_find(const struct object_graph *graph, struct dominator_tree *tree, void *memory)
{
    struct work work = work_in(graph, memory);
    number_all(&work);
    invert(&work);
    find_semidominators(&work);
    find_nearest(&work);
    uint32_t *below = work.first, *place = work.semi, *next = work.path; /* their work is done */
    count_below(&work, below);
    find_places(&work, below, place, next);
    tell(&work, below, place, tree);
}
