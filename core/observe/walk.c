/* See walk.h. */
#include "observe/walk.h"

bool
walk_arenas(struct heap *heap, bool (*visit)(void *context, struct heap *heap, struct arena *arena), void *context)
{
    for (size_t index = 0; index < heap->arenas_end; index++) {
        if (heap_has_arena(heap, index) && !visit(context, heap, heap_arena(heap, index))) {
            return false;
        }
    }
    return true;
}

bool
walk_pools(struct heap *heap, struct arena *arena, bool (*visit)(void *context, struct pool *pool, char *address),
           void *context)
{
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut; i++) {
        struct pool *pool = &slots_of(arena)[i * slots];
        if (!visit(context, pool, pool_address(heap, pool))) {
            return false;
        }
    }
    return true;
}

/* A hole that an older tenant touched in part counts as two: what was touched, and what never was. */
static size_t
touched_part(const struct arena *arena, size_t unit, size_t length)
{
    if (arena->touched <= unit) {
        return 0;
    }
    size_t touched = arena->touched - unit;
    return touched < length ? touched : length;
}

bool
walk_runs(struct heap *heap, struct arena *arena,
          bool (*visit)(void *context, char *address, size_t size_bytes, enum run_state state), void *context)
{
    const uint16_t *units = units_of(heap, arena);
    size_t length;
    for (size_t unit = 0; unit < UNITS_AN_ARENA; unit += length) {
        length = units[unit] & UNIT_LENGTH;
        char *address = units_address(heap, arena) + unit * RUN_UNIT_BYTES;
        if (units[unit] & UNIT_TAKEN) {
            if (!visit(context, address, length * RUN_UNIT_BYTES, RUN_ALLOCATED)) {
                return false;
            }
            continue;
        }
        size_t touched_bytes = touched_part(arena, unit, length) * RUN_UNIT_BYTES;
        size_t untouched_bytes = length * RUN_UNIT_BYTES - touched_bytes;
        if (touched_bytes != 0 && !visit(context, address, touched_bytes, RUN_FREE)) {
            return false;
        }
        if (untouched_bytes != 0 && !visit(context, address + touched_bytes, untouched_bytes, RUN_UNTOUCHED)) {
            return false;
        }
    }
    return true;
}

bool
walk_mappings(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context)
{
    for (size_t i = 0; i < heap->mappings.capacity; i++) {
        const struct mapping *mapping = &heap->mappings.places[i];
        if (mapping->address != 0 && !visit(context, (char *)mapping->address, mapping->size_bytes)) {
            return false;
        }
    }
    return true;
}

bool
walk_kept(struct heap *heap, bool (*visit)(void *context, char *address, size_t size_bytes), void *context)
{
    for (size_t i = 0; i < heap->kept_count; i++) {
        if (!visit(context, (char *)heap->kept[i].address, heap->kept[i].size_bytes)) {
            return false;
        }
    }
    return true;
}
