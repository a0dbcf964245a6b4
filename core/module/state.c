/* What a heap holds, as plain tuples of integers; quire.process.decode gives them names.
 *
 *     statistics = (classes, arenas, runs_allocated, run_bytes, totals)
 *     state      = (arenas, available, rings, mappings, candidates, extents)
 *     residency  = (live, free, empty pools, free runs, metadata), in bytes
 */
#include "module/module.h"

#include "observe/walk.h"
#include "os/os.h"

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
    return Py_BuildValue("(nnnnnnnnnnnnnnn)", (Py_ssize_t)(totals->arenas * ARENA_BYTES),
                         (Py_ssize_t)(totals->arenas_max * ARENA_BYTES), (Py_ssize_t)totals->arenas_obtained,
                         (Py_ssize_t)totals->arenas_given_back, (Py_ssize_t)totals->mappings,
                         (Py_ssize_t)totals->mapping_bytes, (Py_ssize_t)totals->mapping_bytes_max,
                         (Py_ssize_t)totals->mapping_bytes_given_back, (Py_ssize_t)totals->kept_bytes,
                         (Py_ssize_t)totals->touched_bytes, (Py_ssize_t)totals->extents,
                         (Py_ssize_t)totals->shared_bytes, (Py_ssize_t)totals->sealed_pools,
                         (Py_ssize_t)totals->spent_pools, (Py_ssize_t)totals->mesh_mappings);
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
away_of(const struct heap *heap, const struct pool *pool)
{
    PyObject *list = PyList_New(0);
    for (unsigned index = 0; list != NULL && pool->away != 0 && index < pool->carved; index++) {
        if (pool_is_away(heap, pool, index) && !append(list, PyLong_FromUnsignedLong(index))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
shown_by(const struct pool *pool)
{
    PyObject *list = PyList_New(0);
    size_t pages_a_slot = POOL_BYTES / os_page_bytes();
    size_t pages = pool_is_sealed(pool) ? slots_of_pool(pool) * pages_a_slot : 0;
    for (size_t i = 0; list != NULL && i < pages; i++) {
        if (!append(list, PyLong_FromLong((int32_t)pool[i / pages_a_slot].shown[i % pages_a_slot]))) {
            Py_CLEAR(list);
        }
    }
    return list;
}

struct pool_list {
    const struct heap *heap;
    PyObject *list;
};

static bool
append_pool(void *context, struct pool *pool, char *address)
{
    const struct pool_list *pools = context;
    size_t offset = first_block_offset(pool->size_class);
    return append(pools->list, Py_BuildValue("(NniinnnnnNNiN)", address_object(address),
                                      (Py_ssize_t)pool_bytes_of(pool->size_class), (int)pool->domain,
                                      (int)pool->size_class, (Py_ssize_t)pool->block_bytes, (Py_ssize_t)offset,
                                      (Py_ssize_t)pool->capacity, (Py_ssize_t)pool_allocated(pool),
                                      (Py_ssize_t)(pool->capacity - pool->carved + pool->away),
                                      free_list_of(pool, address + offset), away_of(pools->heap, pool), (int)pool->state,
                                      shown_by(pool)));
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
    struct pool_list pools = {heap, list};
    bool done = arena->kind == ARENA_RUN ? walk_runs(heap, arena, append_run, list)
                                         : walk_pools(heap, arena, append_pool, &pools);
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
ring_lists(const struct heap *heap, bool of_candidates)
{
    PyObject *list = PyList_New(0);
    for (unsigned domain = 0; domain < DOMAINS; domain++) {
        for (unsigned size_class = 0; list != NULL && size_class < CLASSES; size_class++) {
            const struct pool *first = of_candidates ? heap->candidates[domain][size_class]
                                                     : heap->domains[domain].rings[size_class];
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
extent_object(size_t number, const struct extent *extent)
{
    PyObject *shown = PyList_New(0);
    for (size_t page = 0; shown != NULL && page < extent->cut; page++) {
        long count = extent->shown[page] == SHOWN_NEVER ? -1 : extent->shown[page];
        if (!append(shown, PyLong_FromLong(count))) {
            Py_CLEAR(shown);
        }
    }
    Py_ssize_t taken = 0;
    for (size_t word = 0; word < EXTENT_WORDS; word++) {
        taken += __builtin_popcountll(extent->taken[word]);
    }
    return Py_BuildValue("(nNn)", (Py_ssize_t)number, shown, taken);
}

static bool
fill_extents(struct heap *heap, PyObject *list)
{
    for (size_t number = 0; number < heap->extents.end; number++) {
        const struct extent *extent = heap->extents.by_number[number];
        if (extent != NULL && !append(list, extent_object(number, extent))) {
            return false;
        }
    }
    return true;
}

static PyObject *
state_of(void *heap)
{
    return Py_BuildValue("(NNNNNN)", filled(heap, fill_arenas), filled(heap, fill_available), ring_lists(heap, false),
                         filled(heap, fill_mappings), ring_lists(heap, true), filled(heap, fill_extents));
}

PyObject *
module_mesh_pass(const struct mesh_pass *pass)
{
    return Py_BuildValue("(nnnnnnnNi)", (Py_ssize_t)pass->candidates, (Py_ssize_t)pass->foreign, (Py_ssize_t)pass->meshed,
                         (Py_ssize_t)pass->left, (Py_ssize_t)pass->taken_back, (Py_ssize_t)pass->live_blocks,
                         (Py_ssize_t)pass->foreign_blocks, PyBool_FromLong(pass->is_out_of_mappings), pass->refusal);
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
