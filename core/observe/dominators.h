/* Dominators in a graph of objects: v dominates w if every path from a root to w goes through v, so that w's memory
 * comes free with v.
 *
 *     roots (row COUNT)        a --> b --> d         dominator[d] = a: two paths lead to d, and both go through a
 *        |                     |           ^         place:  a 0, b 1, d 2, c 3
 *        a                     +---> c ----+         below:  a 4, b 1, d 1, c 1
 *
 * Objects are rows, 0 to count - 1; the roots together are row `count`. It reads and writes arrays alone: no heap, no
 * process, no allocation. Callers: module/. Locking: none.
 */
#ifndef QUIRE_OBSERVE_DOMINATORS_H
#define QUIRE_OBSERVE_DOMINATORS_H

#include "base/base.h"

#define NO_ROW UINT32_MAX
#define REFERENCES_MAX UINT32_MAX /* and roots: those of some 200 GB of objects */

/* Who refers to whom, in compressed rows: the references of object v are edge_to[edge_end[v - 1] .. edge_end[v]]. */
struct object_graph {
    uint32_t count;
    size_t edge_count;
    const uint64_t *edge_end; /* for each object, never less than for the one before */
    const uint32_t *edge_to;  /* rows; NO_ROW refers to nothing */
    const uint32_t *roots;    /* rows, in any order, as often as they like */
    size_t root_count;
};

/* For each object; NO_ROW, NO_ROW and 0 for one that no root reaches. */
struct dominator_tree {
    uint32_t *dominator; /* the nearest object that dominates it; `count` if only the roots together do */
    uint32_t *place;     /* in the tree's preorder: w is under v if place[v] <= place[w] < place[v] + below[v] */
    uint32_t *below;     /* how many objects it dominates, itself counted */
};

/* Whether rows and ends are what dominators_find takes them to be; it checks nothing itself. */
bool object_graph_is_sound(const struct object_graph *graph);

/* What dominators_find works in: 32 bytes an object and 4 a reference (220 MB for 5 and 15 million). */
size_t dominators_work_bytes(const struct object_graph *graph);

/* By Semi-NCA (Georgiadis, 2005), without recursion; `work` is of that size, aligned for a uint64_t. Linear in practice;
 * at worst the square of the tree's depth. */
void dominators_find(const struct object_graph *graph, struct dominator_tree *tree, void *work);

#endif
