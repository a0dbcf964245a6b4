/* Pools: blocks of one size class, their free list, and the ring of pools that serves a class.
 *
 *     domain->rings[class] --> pool <--> pool <--> pool <--+       has, or soon will have, free blocks
 *                               ^__________________________|
 *
 *     pool    | allocated | free --> free --> free --> NULL | untouched ...
 *
 * A pool that is met with no block left retires from the ring; the first block it gets back puts it at the end of
 * the ring, where it gathers more before it is asked again. An empty one rests with its arena; but the last of its
 * ring, or the last beside one that is nearly full, stays there for the next request, unless it is all that keeps the
 * arena from going back, or more than 16 KiB of it were cut off: a large pool that served many.
 *
 * Candidates of a pass of meshing stand on rings of their own, and come back from there to the class's (mesh.c).
 *
 * Callers: fast.h, heap.c, mesh.c, sealed.c. Calls: arena.c, growth.c, pages.c, runs.c,
 * survivors.c. The model is quire.model.allocator.
 */
#include "heap/fast.h"

#include <string.h>

/* --- the ring of a class --- */

static struct pool **
ring_of(struct heap *heap, const struct pool *pool)
{
    if (pool->state == SLOT_CANDIDATE) {
        return &heap->candidates[pool->domain][pool->size_class];
    }
    return &heap->domains[pool->domain].rings[pool->size_class];
}

static void
ring_add_last(struct pool **ring, struct pool *pool)
{
    struct pool *first = *ring;
    if (first == &heap_no_pool) {
        pool->next = pool->previous = pool;
        *ring = pool;
        return;
    }
    pool->next = first;
    pool->previous = first->previous;
    first->previous->next = pool;
    first->previous = pool;
}

static void
ring_remove(struct pool **ring, struct pool *pool)
{
    if (pool->next == pool) {
        *ring = (struct pool *)&heap_no_pool;
        return;
    }
    pool->previous->next = pool->next;
    pool->next->previous = pool->previous;
    if (*ring == pool) {
        *ring = pool->next;
    }
}

/* --- cutting --- */

/* Cut off the untouched blocks that begin in the next one's page: no page is touched before it is needed. */
static void
carve(const struct heap *heap, struct pool *pool)
{
    size_t block_bytes = pool->block_bytes;
    size_t page_bytes = os_page_bytes();
    size_t first = pool->carved;
    char *block = first_block(heap, pool) + first * block_bytes;
    size_t page_left = page_bytes - ((uintptr_t)block & (page_bytes - 1));
    size_t end = first + (page_left + block_bytes - 1) / block_bytes;
    if (end > pool->capacity) {
        end = pool->capacity;
    }
    pool->free = block;
    for (size_t index = first + 1; index < end; index++) {
        set_link(block, block + block_bytes);
        block += block_bytes;
    }
    set_link(block, NULL);
    pool->carved = (uint16_t)end;
}

/* A pool that served before has lost its free list: its blocks go out in the order of their addresses again. */
static void
begin(struct pool *pool, unsigned domain, unsigned size_class)
{
    pool->domain = (uint8_t)domain;
    pool->size_class = (uint8_t)size_class;
    pool->block_bytes = (uint16_t)block_bytes_of(size_class);
    pool->capacity = (uint16_t)capacity_of(size_class);
    pool->carved = 0;
    pool->free = NULL;
    pool->frees_left = 0;
    pool->is_old = false;
    pool->seen = 0;
    pool->state = SLOT_LISTED;
}

/* --- pools of an arena --- */

static void
begin_inner_slots(struct pool *head)
{
    for (unsigned i = 1; i < SLOTS_A_LARGE_POOL; i++) {
        head[i].state = SLOT_INNER;
        head[i].slot = (uint8_t)(head->slot + i);
        head[i].head_slot = head->slot;
        head[i].frees_left = 1;
    }
}

static struct pool *
cut_pool(struct heap *heap, struct arena *arena)
{
    unsigned slots = slots_a_pool(arena);
    growth_touch(heap, slots * POOL_BYTES);
    unsigned slot = slots * (1u + arena->cut); /* the first is slot 0's */
    struct pool *pool = &slots_of(arena)[slot];
    pool->slot = pool->head_slot = (uint8_t)slot;
    if (slots > 1) {
        begin_inner_slots(pool);
    }
    arena->cut++;
    return pool;
}

static size_t
room_of(const struct arena *arena)
{
    return (size_t)arena->free_pools + arena->capacity - arena->cut;
}

/* Pages of a pool that rested will be touched anew. What growth purges in turn is another pool's: it serves already. */
static SLOW void
note_taken_pages(struct heap *heap, struct pool *pool)
{
    size_t purged_bytes = pages_forget(pool) * os_page_bytes();
    heap->totals.resting_bytes += purged_bytes;
    pool->state = SLOT_LISTED;
    growth_touch(heap, purged_bytes);
}

/* A resting pool will serve again; one that was purged is touched anew. */
static void
note_taken(struct heap *heap, struct arena *arena, struct pool *pool)
{
    size_t pool_bytes = slots_a_pool(arena) * POOL_BYTES;
    if (pool->is_purged) {
        if (pool->is_old) {
            growth_touch(heap, pool_bytes);
        } else {
            growth_touch_again(heap, pool_bytes);
        }
        pool->is_purged = false;
        arena->purged--;
        return;
    }
    heap->totals.resting_bytes -= pool_bytes;
    if (UNLIKELY(pool->purged_pages != 0)) {
        note_taken_pages(heap, pool);
    }
}

static struct pool *
take_pool(struct heap *heap, struct arena *arena)
{
    struct pool *pool = arena->free_pool;
    growth_note_taken(heap, slots_a_pool(arena) * POOL_BYTES);
    if (pool == NULL) {
        pool = cut_pool(heap, arena);
    } else {
        arena->free_pool = pool->next;
        arena->free_pools--;
        note_taken(heap, arena, pool);
    }
    arena_relist(heap, arena, room_of(arena));
    return pool;
}

static void
unmark_idle(struct arena *arena, struct pool *pool)
{
    arena->idle = (uint16_t)(arena->idle - pool->is_idle);
    pool->is_idle = false;
}

/* It rests with the pages that it has. */
static SLOW void
note_resting_pages(struct heap *heap, struct arena *arena, const struct pool *pool)
{
    size_t pages = pool_purged_pages(pool);
    arena->resting_purged_pages = (uint16_t)(arena->resting_purged_pages + pages);
    heap->totals.resting_bytes -= pages * os_page_bytes();
}

static void
rest(struct heap *heap, struct arena *arena, struct pool *pool)
{
    ring_remove(ring_of(heap, pool), pool);
    unmark_idle(arena, pool);
    pool->state = SLOT_RESTING;
    pool->next = arena->free_pool;
    arena->free_pool = pool;
    arena->free_pools++;
    heap->totals.resting_bytes += pool_bytes_of(pool->size_class);
    if (UNLIKELY(pool->purged_pages != 0)) {
        note_resting_pages(heap, arena, pool);
    }
    heap_note_rest(heap, pool_bytes_of(pool->size_class));
}

/* Whether a pool of the arena has a live block. Idle pools may have some again, so they are looked at, if it
 * depends on them. */
static bool
has_live_block(struct arena *arena)
{
    size_t room = room_of(arena);
    if (room + arena->idle < arena->capacity) {
        return true;
    }
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut && arena->idle != 0; i++) {
        struct pool *pool = &slots_of(arena)[i * slots];
        if (pool->is_idle && pool_allocated(pool) != 0) {
            unmark_idle(arena, pool);
        }
    }
    return room + arena->idle < arena->capacity;
}

static void
rest_idle(struct heap *heap, struct arena *arena)
{
    unsigned slots = slots_a_pool(arena);
    for (unsigned i = 1; i <= arena->cut && arena->idle != 0; i++) {
        struct pool *pool = &slots_of(arena)[i * slots];
        if (pool->is_idle) {
            rest(heap, arena, pool);
        }
    }
}

enum { FEW_DIVISOR = 8 }; /* a pool with no larger part of its blocks free is nearly full */

/* Whether its ring can serve few requests without it. */
static bool
is_soon_needed(const struct pool *pool)
{
    const struct pool *other = pool->next;
    bool has_few = other->capacity - other->frees_left <= other->capacity / FEW_DIVISOR;
    return other == pool || (other == pool->previous && has_few);
}

/* Whether the pool, which has become empty, stays on its ring. */
static bool
stays(struct heap *heap, struct pool *pool)
{
    if (!is_soon_needed(pool) || (size_t)pool->carved * pool->block_bytes > POOL_BYTES) {
        return false;
    }
    struct arena *arena = arena_of_pool(pool);
    arena->idle = (uint16_t)(arena->idle + !pool->is_idle);
    pool->is_idle = true;
    return arena_is_last(heap, arena) || has_live_block(arena);
}

/* Pools of the arena have come to rest. */
void
pool_settle_arena(struct heap *heap, struct arena *arena)
{
    if (arena->idle != 0 && !has_live_block(arena)) {
        rest_idle(heap, arena);
    }
    size_t room = room_of(arena);
    arena_settle(heap, arena, room, room == arena->capacity);
}

/* The pool has become empty, and does not stay. */
static SLOW void
settle_pool(struct heap *heap, struct pool *pool)
{
    struct arena *arena = arena_of_pool(pool);
    rest(heap, arena, pool);
    pool_settle_arena(heap, arena);
}

static struct pool *
new_pool(struct heap *heap, unsigned domain, unsigned size_class)
{
    enum arena_kind kind = is_large_class(size_class) ? ARENA_LARGE : ARENA_SMALL;
    struct arena *arena = arena_fullest_with(heap, kind, 1);
    if (arena == NULL) {
        arena = arena_obtain(heap, kind);
        if (arena == NULL) {
            return NULL;
        }
    }
    struct pool *pool = take_pool(heap, arena);
    begin(pool, domain, size_class);
    ring_add_last(ring_of(heap, pool), pool);
    return pool;
}

/* --- candidates, and what is meshed --- */

void
pool_make_candidate(struct heap *heap, struct pool *pool)
{
    ring_remove(ring_of(heap, pool), pool);
    unmark_idle(arena_of_pool(pool), pool);
    pool->state = SLOT_CANDIDATE;
    ring_add_last(ring_of(heap, pool), pool);
}

void
pool_take_back(struct heap *heap, struct pool *pool)
{
    survivors_forget(heap, pool);
    ring_remove(ring_of(heap, pool), pool);
    pool->state = SLOT_LISTED;
    ring_add_last(ring_of(heap, pool), pool);
}

/* The last of the class's candidates serves it again; NULL: there is none. */
static struct pool *
take_back_last(struct domain *domain, unsigned size_class)
{
    struct pool *first = domain->heap->candidates[domain->index][size_class];
    if (first == &heap_no_pool) {
        return NULL;
    }
    struct pool *last = first->previous;
    pool_take_back(domain->heap, last);
    return last;
}

/* Of all blocks that were cut off, but survivors and those on purged pages; the lowest first. */
void
pool_rebuild_free_list(struct heap *heap, struct pool *pool)
{
    pool->free = NULL;
    for (size_t index = pool->carved; index-- > 0;) {
        bool survives = pool->survivors != 0 && survivors_has(heap, pool, index);
        if (!survives && !pages_is_away(pool, index)) {
            void *block = first_block(heap, pool) + index * pool->block_bytes;
            set_link(block, pool->free);
            pool->free = block;
        }
    }
}

static void
leave_rest(struct heap *heap, struct arena *arena, struct pool *pool)
{
    struct pool **at = &arena->free_pool;
    while (*at != pool) {
        at = &(*at)->next;
    }
    *at = pool->next;
    arena->free_pools--;
    size_t pages = pool_purged_pages(pool);
    arena->resting_purged_pages = (uint16_t)(arena->resting_purged_pages - pages);
    if (!pool->is_purged) {
        heap->totals.resting_bytes -= pool_bytes_of(pool->size_class) - pages * os_page_bytes();
    }
    arena_relist(heap, arena, room_of(arena));
}

static void
note_spent(struct heap *heap, struct pool *pool)
{
    pool->state = SLOT_SPENT;
    pool->free = NULL;
    pool->carved = 0;
    pool->away = 0;
    arena_of_pool(pool)->spent++;
    heap->totals.spent_pools++;
}

static size_t
own_bytes_of(const struct pool *pool)
{
    size_t page_bytes = os_page_bytes();
    size_t own_pages = 0;
    for (size_t i = 0; i < slots_of_pool(pool) * POOL_BYTES / page_bytes; i++) {
        own_pages += pool[i / (POOL_BYTES / page_bytes)].shown[i % (POOL_BYTES / page_bytes)] == (uint32_t)PAGE_OWN;
    }
    return own_pages * page_bytes;
}

/* Of its pages none counts as the pool's any more, and none as purged. */
static void
leave_touched(struct heap *heap, struct arena *arena, struct pool *pool)
{
    size_t pages = pool_purged_pages(pool);
    arena->purged_pages = (uint16_t)(arena->purged_pages - pages);
    if (!pool->is_purged) {
        heap->totals.touched_bytes -= pool_bytes_of(pool->size_class) - pages * os_page_bytes();
    }
    arena->purged = (uint16_t)(arena->purged - pool->is_purged);
    pool->is_purged = pool->is_old = false;
    pool->purged_pages = 0;
}

static void
note_shown(struct pool *pool, const uint32_t *shown)
{
    size_t pages_a_slot = POOL_BYTES / os_page_bytes();
    for (unsigned i = 0; i < slots_of_pool(pool); i++) {
        memcpy(pool[i].shown, &shown[i * pages_a_slot], pages_a_slot * sizeof *shown);
    }
}

/* A candidate, or in a strip an empty pool, shows these pages of extents. */
void
pool_seal(struct heap *heap, struct pool *pool, const uint32_t *shown)
{
    struct arena *arena = arena_of_pool(pool);
    if (pool->state == SLOT_RESTING) {
        leave_rest(heap, arena, pool);
        leave_touched(heap, arena, pool);
        note_spent(heap, pool);
    } else {
        leave_touched(heap, arena, pool);
        ring_remove(ring_of(heap, pool), pool);
        pool->state = SLOT_SEALED;
        pool->free = NULL;
        pool->away = (uint16_t)(pool->carved - pool->frees_left);
        heap->totals.sealed_pools++;
    }
    note_shown(pool, shown);
    size_t own_bytes = own_bytes_of(pool);
    arena->sealed++;
    arena->own_bytes += (uint32_t)own_bytes;
    heap->totals.touched_bytes += own_bytes;
}

/* A spent pool has pages of its own again, untouched. */
void
pool_note_renewed(struct heap *heap, struct pool *pool)
{
    struct arena *arena = arena_of_pool(pool);
    size_t own_bytes = own_bytes_of(pool);
    arena->own_bytes -= (uint32_t)own_bytes;
    heap->totals.touched_bytes -= own_bytes;
    survivors_forget(heap, pool);
    heap->totals.spent_pools--;
    arena->spent--;
    arena->sealed--;
    pool->state = SLOT_RESTING;
    pool->is_purged = pool->is_old = true; /* as if a sweep had done it */
    arena->purged++;
    pool->previous = NULL;
    pool->next = arena->free_pool;
    arena->free_pool = pool;
    arena->free_pools++;
}

/* --- the slow ends of the fast paths --- */

static bool
has_block(const struct pool *pool)
{
    return pool->free != NULL || pool->carved < pool->capacity || pool->purged_pages != 0;
}

/* The ring's first pool has only blocks on purged pages. Pages that are there serve before: the next pool takes the
 * first one's place, if it has a block; else a page comes back. */
static SLOW struct pool *
refill_purged(struct heap *heap, struct pool **ring)
{
    if ((*ring)->next->free != NULL) {
        *ring = (*ring)->next;
    } else {
        pages_restore(heap, *ring);
    }
    return *ring;
}

static void
retire(struct pool **ring, struct pool *pool)
{
    ASSERT(pool->frees_left == pool->capacity);
    ring_remove(ring, pool);
    pool->state = SLOT_RETIRED;
    pool->frees_left = 1;
}

/* The current pool has no free block: find the next pool that has one, bring a page back or cut a pool, and take it. */
SLOW void *
pool_refill(struct domain *domain, unsigned size_class)
{
    struct pool **ring = &domain->rings[size_class];
    while (*ring != &heap_no_pool && !has_block(*ring)) {
        retire(ring, *ring);
    }
    struct pool *pool = *ring;
    if (pool == &heap_no_pool) {
        pool = take_back_last(domain, size_class);
        pool = pool != NULL ? pool : new_pool(domain->heap, domain->index, size_class);
        if (pool == NULL) {
            return NULL;
        }
    }
    if (pool->free == NULL && UNLIKELY(pool->purged_pages != 0)) {
        pool = refill_purged(domain->heap, ring);
    } else if (pool->free == NULL) {
        carve(domain->heap, pool);
    }
    void *block = pool->free;
    pool->free = link_of(block);
    pool->frees_left++;
    return block;
}

/* The fast path has pushed a block onto a slot that is no head of a pool: undo that. */
static void
undo_free(struct pool *slot)
{
    slot->free = NULL;
    slot->frees_left = 1;
}

/* The fast path has pushed a block and counted the slot's frees down to 0: see what that means. */
SLOW void
pool_note_free(struct heap *heap, struct pool *slot, void *address)
{
    switch (slot->state) {
    case SLOT_LISTED: /* its last block is free */
        if (!stays(heap, slot)) {
            settle_pool(heap, slot);
        }
        return;
    case SLOT_CANDIDATE:
        survivors_forget(heap, slot);
        settle_pool(heap, slot);
        return;
    case SLOT_SEALED:
        heap->totals.sealed_pools--;
        note_spent(heap, slot);
        return;
    case SLOT_RETIRED: /* its first block is free */
        slot->state = SLOT_LISTED;
        slot->frees_left = (uint32_t)slot->capacity - 1;
        ring_add_last(ring_of(heap, slot), slot);
        heap_note_rest(heap, pool_bytes_of(slot->size_class));
        return;
    case SLOT_INNER: {
        undo_free(slot);
        struct pool *head = pool_of(heap, address);
        mark_free(address, head->block_bytes);
        set_link(address, head->free);
        head->free = address;
        if (--head->frees_left == 0) {
            pool_note_free(heap, head, address);
        }
        return;
    }
    case SLOT_RUN:
        undo_free(slot);
        runs_free(heap, address);
        return;
    default:
        ASSERT(!"a free of what is not allocated");
    }
}
