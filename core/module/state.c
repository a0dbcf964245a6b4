/* What a heap holds, as plain tuples of integers; quire.process.decode gives them names.
 *
 *     statistics = (classes, arenas, runs_allocated, run_bytes, totals)
 *     state      = (arenas, available, rings, mappings)
 *     residency  = (live, free, empty pools, free runs, metadata), in bytes
 */
#include "module/module.h"

#include "observe/walk.h"

/* --- statistics --- */

static PyObject *
class_tuple(unsigned domain, unsigned size_class, const struct class_statistics *counts)
{
    return Py_BuildValue("(IInnnnnn)", domain, size_class, (Py_ssize_t)block_bytes_of(size_class),
                         (Py_ssize_t)counts->pools_used, (Py_ssize_t)counts->pools_full,
                         (Py_ssize_t)counts->blocks_allocated, (Py_ssize_t)counts->blocks_free,
                         (Py_ssize_t)counts->blocks_untouched);
}

static PyObject *
class_list(const struct heap_statistics *statistics)
{
    PyObject *list = PyList_New(0);
    for (unsigned domain = 0; list != NULL && domain < DOMAINS; domain++) {
        for (unsigned size_class = 0; list != NULL && size_class < CLASSES; size_class++) {
            if (!append(list, class_tuple(domain, size_class, &statistics->classes[domain][size_class]))) {
                Py_CLEAR(list);
            }
        }
    }
    return list;
}

static PyObject *
arena_statistics_list(const struct heap_statistics *statistics)
{
    static const size_t unit_bytes[ARENA_KINDS] = {POOL_BYTES, LARGE_POOL_BYTES, RUN_UNIT_BYTES};
    PyObject *list = PyList_New(0);
    for (unsigned kind = 0; list != NULL && kind < ARENA_KINDS; kind++) {
        const struct arena_statistics *counts = &statistics->arenas[kind];
        PyObject *item = Py_BuildValue("(Innnnn)", kind, (Py_ssize_t)counts->arenas, (Py_ssize_t)counts->units_in_use,
                                       (Py_ssize_t)counts->units_free, (Py_ssize_t)counts->units_untouched,
                                       (Py_ssize_t)unit_bytes[kind]);
        if (!append(list, item)) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
totals_tuple(const struct heap_totals *totals)
{
    return Py_BuildValue("(nnnnnnnnnn)", (Py_ssize_t)(totals->arenas * ARENA_BYTES),
                         (Py_ssize_t)(totals->arenas_max * ARENA_BYTES), (Py_ssize_t)totals->arenas_obtained,
                         (Py_ssize_t)totals->arenas_given_back, (Py_ssize_t)totals->mappings,
                         (Py_ssize_t)totals->mapping_bytes, (Py_ssize_t)totals->mapping_bytes_max,
                         (Py_ssize_t)totals->mapping_bytes_given_back, (Py_ssize_t)totals->kept_bytes,
                         (Py_ssize_t)totals->touched_bytes);
}

PyObject *
module_statistics(const struct heap_statistics *statistics)
{
    return Py_BuildValue("(NNnnN)", class_list(statistics), arena_statistics_list(statistics),
                         (Py_ssize_t)statistics->runs_allocated, (Py_ssize_t)statistics->run_bytes,
                         totals_tuple(&statistics->totals));
}

/* --- state --- */

static PyObject *
free_list_of(const struct pool *pool, const char *first_block)
{
    PyObject *list = PyList_New(0);
    for (const char *block = pool->free; list != NULL && block != NULL; block = link_of(block)) {
        size_t index = (size_t)(block - first_block) / pool->block_bytes;
        if (!append(list, PyLong_FromSize_t(index))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
away_of(const struct pool *pool)
{
    PyObject *list = PyList_New(0);
    for (unsigned index = 0; list != NULL && pool->away != 0 && index < pool->carved; index++) {
        if (pages_is_away(pool, index) && !append(list, PyLong_FromUnsignedLong(index))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static bool
append_pool(void *list, struct pool *pool, char *address)
{
    size_t offset = first_block_offset(pool->size_class);
    return append(list, Py_BuildValue("(NniinnnnnNN)", address_object(address),
                                      (Py_ssize_t)pool_bytes_of(pool->size_class), (int)pool->domain,
                                      (int)pool->size_class, (Py_ssize_t)pool->block_bytes, (Py_ssize_t)offset,
                                      (Py_ssize_t)pool->capacity, (Py_ssize_t)pool_allocated(pool),
                                      (Py_ssize_t)(pool->capacity - pool->carved + pool->away),
                                      free_list_of(pool, address + offset), away_of(pool)));
}

static bool
append_run(void *list, char *address, size_t size_bytes, enum run_state state)
{
    return append(list, Py_BuildValue("(Nni)", address_object(address), (Py_ssize_t)size_bytes, (int)state));
}

static PyObject *
free_pools_of(const struct heap *heap, const struct arena *arena)
{
    PyObject *list = PyList_New(0);
    if (arena->kind == ARENA_RUN) {
        return list;
    }
    for (const struct pool *pool = arena->free_pool; list != NULL && pool != NULL; pool = pool->next) {
        if (!append(list, address_object(pool_address(heap, pool)))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
parts_of(struct heap *heap, struct arena *arena)
{
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    bool done = arena->kind == ARENA_RUN ? walk_runs(heap, arena, append_run, list)
                                         : walk_pools(heap, arena, append_pool, list);
    if (!done) {
        Py_CLEAR(list);
    }
    return list;
}

static bool
append_arena(void *list, struct heap *heap, struct arena *arena)
{
    return append(list, Py_BuildValue("(INiNNi)", arena->index, address_object(arena_address(heap, arena)),
                                      (int)arena->kind, parts_of(heap, arena), free_pools_of(heap, arena),
                                      arena->capacity - arena->cut));
}

static PyObject *
available_of(const struct available *available)
{
    PyObject *list = PyList_New(0);
    for (size_t room = 0; list != NULL && room < ROOM_LISTS; room++) {
        for (const struct arena *arena = available->by_room[room]; list != NULL && arena != NULL; arena = arena->next) {
            if (!append(list, PyLong_FromUnsignedLong(arena->index))) {
                Py_CLEAR(list);
            }
        }
    }
    return list;
}

static PyObject *
ring_list(const struct heap *heap, const struct pool *first)
{
    PyObject *list = PyList_New(0);
    const struct pool *pool = first;
    do {
        if (list == NULL || !append(list, address_object(pool_address(heap, pool)))) {
            Py_CLEAR(list);
            break;
        }
        pool = pool->next;
    } while (pool != first);
    return list;
}

static PyObject *
ring_lists(const struct heap *heap)
{
    PyObject *list = PyList_New(0);
    for (unsigned domain = 0; domain < DOMAINS; domain++) {
        for (unsigned size_class = 0; list != NULL && size_class < CLASSES; size_class++) {
            const struct pool *first = heap->domains[domain].rings[size_class];
            if (first == &heap_no_pool) {
                continue;
            }
            if (!append(list, Py_BuildValue("(IIN)", domain, size_class, ring_list(heap, first)))) {
                Py_CLEAR(list);
            }
        }
    }
    return list;
}

static bool
append_mapping(void *list, char *address, size_t size_bytes)
{
    return append(list, Py_BuildValue("(Nn)", address_object(address), (Py_ssize_t)size_bytes));
}

static PyObject *
filled(struct heap *heap, bool (*fill)(struct heap *heap, PyObject *list))
{
    PyObject *list = PyList_New(0);
    if (list != NULL && !fill(heap, list)) {
        Py_CLEAR(list);
    }
    return list;
}

static bool
fill_arenas(struct heap *heap, PyObject *list)
{
    return walk_arenas(heap, append_arena, list);
}

static bool
fill_mappings(struct heap *heap, PyObject *list)
{
    return walk_mappings(heap, append_mapping, list);
}

static bool
fill_available(struct heap *heap, PyObject *list)
{
    for (unsigned kind = 0; kind < ARENA_KINDS; kind++) {
        if (!append(list, available_of(&heap->available[kind]))) {
            return false;
        }
    }
    return true;
}

static PyObject *
state_of(void *heap)
{
    return Py_BuildValue("(NNNN)", filled(heap, fill_arenas), filled(heap, fill_available), ring_lists(heap),
                         filled(heap, fill_mappings));
}

PyObject *
module_state(struct heap *heap)
{
    return without_collector(state_of, heap);
}

/* --- residency --- */

PyObject *
module_residency(const struct residency *residency)
{
    return Py_BuildValue("(nnnnn)", (Py_ssize_t)residency->live_bytes, (Py_ssize_t)residency->free_bytes,
                         (Py_ssize_t)residency->empty_pool_bytes, (Py_ssize_t)residency->free_run_bytes,
                         (Py_ssize_t)residency->metadata_bytes);
}
