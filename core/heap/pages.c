/* Pages of a pool in use on which no block lives: they go back to the system and come again, one by one.
 *
 *     pages     |  resident        |  purged          |  resident        |
 *     blocks    | live | free |  away  | away | away  | free | live |  untouched ...
 *                                  \______ touches the purged page: on no list, as if never handed out
 *
 * A block is away if and only if it touches a purged page; so is the list of free blocks built, whenever a page goes or
 * comes, the lowest address first. Nothing new is cut off from a pool before all its pages are back.
 *
 * Callers: purge.c, pool.c, heap.c, check.c. Calls: growth.c. Cost: one look at every block, and at every link of the
 * free list. The model is quire.model.pool.
 */
#include "heap/structs.h"

#include <string.h>

static unsigned
page_of(size_t offset)
{
    return (unsigned)(offset >> lowest_bit(os_page_bytes()));
}

/* A bit for each page that the bytes touch, which begin so far into their pool. */
static unsigned
pages_of(size_t offset, size_t size_bytes)
{
    return (2u << page_of(offset + size_bytes - 1)) - (1u << page_of(offset));
}

static size_t
offset_of(const struct pool *pool, size_t index)
{
    return first_block_offset(pool->size_class) + index * pool->block_bytes;
}

/* Of the piece from start to end, the pages that are the pool's; the piece begins in the pool. */
unsigned
pages_between(const struct heap *heap, const struct pool *pool, const char *start, const char *end)
{
    const char *address = pool_address(heap, pool);
    size_t offset = (size_t)(start - address);
    size_t left_bytes = pool_bytes_of(pool->size_class) - offset;
    size_t size_bytes = (size_t)(end - start);
    return pages_of(offset, size_bytes < left_bytes ? size_bytes : left_bytes);
}

/* Whether a block that was cut off touches a purged page. */
bool
pages_is_away(const struct pool *pool, size_t index)
{
    return (pages_of(offset_of(pool, index), pool->block_bytes) & pool->purged_pages) != 0;
}

/* --- which may go --- */

/* A bit for each place where a block can begin. */
struct free_map {
    uint64_t bits[LARGE_POOL_BYTES / ALIGNMENT_BYTES / 64];
};

static void
map_free_blocks(const struct heap *heap, const struct pool *pool, struct free_map *map)
{
    memset(map->bits, 0, pool_bytes_of(pool->size_class) / ALIGNMENT_BYTES / 8);
    const char *address = pool_address(heap, pool);
    for (const char *block = pool->free; block != NULL; block = link_of(block)) {
        size_t place = (size_t)(block - address) / ALIGNMENT_BYTES;
        map->bits[place / 64] |= (uint64_t)1 << (place % 64);
    }
}

static bool
is_free(const struct free_map *map, size_t offset)
{
    size_t place = offset / ALIGNMENT_BYTES;
    return (map->bits[place / 64] >> (place % 64)) & 1;
}

/* A bit for each page that blocks were cut from, that has no live block, and that was not purged. */
unsigned
pages_without_live_block(const struct heap *heap, const struct pool *pool)
{
    struct free_map map;
    map_free_blocks(heap, pool, &map);
    unsigned touched = 0, live = 0;
    for (size_t index = 0; index < pool->carved; index++) {
        size_t offset = offset_of(pool, index);
        unsigned pages = pages_of(offset, pool->block_bytes);
        touched |= pages;
        live |= is_free(&map, offset) || (pages & pool->purged_pages) ? 0 : pages;
    }
    return touched & ~live & ~(unsigned)pool->purged_pages;
}

/* What tells that a pool has rested between two looks: nothing was taken from it or freed, unless in turn. */
uint32_t
pages_seen(const struct heap *heap, const struct pool *pool)
{
    size_t place = pool->free == NULL ? 0 : 1 + (size_t)((char *)pool->free - pool_address(heap, pool)) / ALIGNMENT_BYTES;
    return PAGES_NOTED | (uint32_t)place << 12 | pool->frees_left;
}

/* Since the last sweep. */
bool
pages_have_rested(const struct heap *heap, const struct pool *pool)
{
    return (pool->seen & ~(uint32_t)PAGES_LOOKED_AT) == pages_seen(heap, pool);
}

/* --- going and coming --- */

static void
count_pages(struct pool *pool, unsigned pages, int sign)
{
    struct arena *arena = arena_of_pool(pool);
    arena->purged_pages = (uint16_t)(arena->purged_pages + sign * __builtin_popcount(pages));
}

static void
push_free(struct pool *pool, char *block)
{
    set_link(block, pool->free);
    pool->free = block;
}

/* Blocks that touch the pages, on none of which a block lives, leave the free list; the rest is put in order. */
void
pages_take_away(struct heap *heap, struct pool *pool, unsigned pages)
{
    struct free_map map;
    map_free_blocks(heap, pool, &map);
    char *address = pool_address(heap, pool);
    pool->purged_pages = (uint16_t)(pool->purged_pages | pages);
    pool->free = NULL;
    pool->away = 0;
    for (size_t index = pool->carved; index-- > 0;) {
        size_t offset = offset_of(pool, index);
        if (pages_of(offset, pool->block_bytes) & pool->purged_pages) {
            pool->away++;
        } else if (is_free(&map, offset)) {
            push_free(pool, address + offset);
        }
    }
    count_pages(pool, pages, +1);
}

/* The opposite: blocks that touch no purged page any more are free, and the next to be handed out. */
void
pages_bring_back(struct heap *heap, struct pool *pool, unsigned pages)
{
    char *address = pool_address(heap, pool);
    unsigned before = pool->purged_pages;
    pool->purged_pages = (uint16_t)(before & ~pages);
    for (size_t index = pool->carved; index-- > 0;) {
        size_t offset = offset_of(pool, index);
        unsigned touched = pages_of(offset, pool->block_bytes);
        if ((touched & before) && !(touched & pool->purged_pages)) {
            push_free(pool, address + offset);
            pool->away--;
        }
    }
    count_pages(pool, pages, -1);
}

/* A resting pool's purged pages are no pages of their own any more; how many there were. */
size_t
pages_forget(struct pool *pool)
{
    struct arena *arena = arena_of_pool(pool);
    size_t pages = pool_purged_pages(pool);
    arena->purged_pages = (uint16_t)(arena->purged_pages - pages);
    arena->resting_purged_pages = (uint16_t)(arena->resting_purged_pages - pages);
    pool->purged_pages = pool->away = 0;
    return pages;
}

/* The pool has purged pages and no free block: the lowest pages come back until it has one. */
void
pages_restore(struct heap *heap, struct pool *pool)
{
    while (pool->free == NULL) {
        growth_touch(heap, os_page_bytes());
        pages_bring_back(heap, pool, 1u << lowest_bit(pool->purged_pages));
    }
}
