/* Purge: pages of empty pools go back to the system while their arena stays. They count as untouched again.
 *
 *     | used | resting  resting | full | resting | untouched ...
 *             \___ one call ___/
 *
 * What rests with an arena of one kind serves no request of another kind, nor one for a mapping. So before the heap
 * would hold more than ever, as much goes back, from the last arena on; unless what was purged before was soon needed
 * again (growth.c).
 *
 * Callers: growth.c. Calls: os/. The model is quire.model.allocator.
 */
#include "heap/structs.h"
#include "os/os.h"

static bool
can_be_purged(const struct pool *pool)
{
    return pool->state == SLOT_RESTING && !pool->is_purged;
}

/* Neighbours that can all be purged. The system refuses where memory is locked; then they stay as they are. */
static bool
purge_pools(struct heap *heap, struct arena *arena, struct pool *first, size_t count)
{
    char *address = pool_address(heap, first);
    size_t size_bytes = count * slots_a_pool(arena) * POOL_BYTES;
    unmark(address, size_bytes);
    bool is_refused = os_purge(address, size_bytes) != 0;
    mark_free(address, size_bytes);
    if (is_refused) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct pool *pool = &first[i * slots_a_pool(arena)];
        pool->is_purged = true;
        pool->free = NULL;
        pool->carved = 0;
    }
    arena->purged = (uint16_t)(arena->purged + count);
    heap->totals.resting_bytes -= size_bytes;
    heap->totals.touched_bytes -= size_bytes;
    return true;
}

/* Until no more than goal_bytes rest in the heap; returns whether the system took all that was offered. */
static bool
purge_arena(struct heap *heap, struct arena *arena, size_t goal_bytes)
{
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut && heap->totals.resting_bytes > goal_bytes; i++) {
        struct pool *first = &slots_of(arena)[i * slots];
        size_t count = 0;
        while (i + count <= arena->cut && can_be_purged(&first[count * slots])) {
            count++;
        }
        if (count != 0 && !purge_pools(heap, arena, first, count)) {
            return false;
        }
        i += (unsigned)count;
    }
    return true;
}

void
purge_resting(struct heap *heap, size_t wanted_bytes)
{
    if (wanted_bytes == 0 || POOL_BYTES % os_page_bytes() != 0) {
        return;
    }
    size_t resting_bytes = heap->totals.resting_bytes;
    wanted_bytes = wanted_bytes < ARENA_BYTES / 4 ? ARENA_BYTES / 4 : wanted_bytes;
    size_t goal_bytes = wanted_bytes < resting_bytes ? resting_bytes - wanted_bytes : 0;
    bool is_refused = false;
    for (size_t index = heap->arenas_end; index-- > 0 && heap->totals.resting_bytes > goal_bytes && !is_refused;) {
        struct arena *arena = heap_arena(heap, index);
        if (heap_has_arena(heap, index) && arena_resting_bytes(arena) != 0) {
            is_refused = !purge_arena(heap, arena, goal_bytes);
        }
    }
}
