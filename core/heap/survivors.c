/* See survivors.h. */
#include "heap/survivors.h"

#include "heap/proofs.h"
#include "heap/structs.h"
#include "os/os.h"

#include <string.h>

#define WORD_BYTES sizeof(uint64_t)
#define TABLE_STEP_BYTES (64 * KIB) /* whole pages of any size */

static size_t
words_of(const struct pool *pool)
{
    return ((size_t)pool->capacity + 63) / 64;
}

static uint64_t *
bits_of(const struct heap *heap, const struct pool *pool)
{
    return &heap->survivors.words[pool->survivors];
}

/* --- the table --- */

size_t
survivors_table_bytes(const struct heap *heap)
{
    return heap->survivors.words_max * WORD_BYTES;
}

static int
grow(struct survivors *survivors, size_t table_bytes)
{
    char *old = (char *)survivors->words;
    char *words;
    int error = old == NULL ? os_map(table_bytes, &words)
                            : os_remap(old, survivors->words_max * WORD_BYTES, table_bytes, &words);
    if (error != 0) {
        return error;
    }
    survivors->words = (uint64_t *)(void *)words;
    survivors->words_max = table_bytes / WORD_BYTES;
    return 0;
}

/* What was used stays used, by pieces of as many words, until nobody has any. */
int
survivors_reserve(struct heap *heap, size_t pools)
{
    struct survivors *survivors = &heap->survivors;
    if (survivors->pools == 0) {
        memset(survivors->first_free, 0, sizeof survivors->first_free);
        survivors->used_words = 1;
    }
    size_t needed_bytes = (survivors->used_words + pools * SURVIVOR_WORDS_MAX) * WORD_BYTES;
    return needed_bytes <= survivors_table_bytes(heap) ? 0 : grow(survivors, align_up(needed_bytes, TABLE_STEP_BYTES));
}

void
survivors_release(struct heap *heap)
{
    if (heap->survivors.words != NULL) {
        os_unmap((char *)heap->survivors.words, survivors_table_bytes(heap));
    }
}

static uint32_t
take_words(struct survivors *survivors, size_t count)
{
    uint32_t first = survivors->first_free[count];
    if (first != 0) {
        survivors->first_free[count] = (uint32_t)survivors->words[first];
    } else {
        first = (uint32_t)survivors->used_words;
        survivors->used_words += count;
        ASSERT(survivors->used_words <= survivors->words_max);
    }
    survivors->pools++;
    return first;
}

void
survivors_forget(struct heap *heap, struct pool *pool)
{
    if (pool->survivors == 0) {
        return;
    }
    struct survivors *survivors = &heap->survivors;
    size_t count = words_of(pool);
    survivors->words[pool->survivors] = survivors->first_free[count];
    survivors->first_free[count] = pool->survivors;
    survivors->pools--;
    pool->survivors = 0;
}

/* --- bits --- */

/* The first so many blocks of the free list. What is left of an offset in a pool when it is multiplied by the blocks in
 * 2^32 bytes, rounded up, is too little to matter: one division for all of them. */
static void
clear_free(const struct heap *heap, const struct pool *pool, size_t count)
{
    uint64_t *bits = bits_of(heap, pool);
    const char *first = first_block(heap, pool);
    const char *block = pool->free;
    uint64_t blocks = ((uint64_t)1 << 32) / pool->block_bytes + 1;
    for (; count > 0; count--) {
        size_t index = (size_t)((uint64_t)(block - first) * blocks >> 32);
        bits[index / 64] &= ~((uint64_t)1 << (index % 64));
        block = link_of(block);
    }
}

void
survivors_note(struct heap *heap, struct pool *pool)
{
    ASSERT(pool->survivors == 0);
    pool->survivors = take_words(&heap->survivors, words_of(pool));
    uint64_t *bits = bits_of(heap, pool);
    for (size_t i = 0; i < words_of(pool); i++) {
        size_t carved = pool->carved > i * 64 ? pool->carved - i * 64 : 0;
        bits[i] = carved >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << carved) - 1;
    }
    for (size_t index = 0; index < pool->carved && pool->purged_pages != 0; index++) {
        if (pages_is_away(pool, index)) {
            bits[index / 64] &= ~((uint64_t)1 << (index % 64));
        }
    }
    clear_free(heap, pool, pool->carved - pool->away - pool_allocated(pool));
}

/* Whether the pool's own free list says the same. */
static inline bool
is_as_noted(struct heap *heap, struct pool *pool)
{
    uint64_t proven[SURVIVOR_WORDS_MAX];
    memcpy(proven, bits_of(heap, pool), words_of(pool) * WORD_BYTES);
    survivors_forget(heap, pool);
    survivors_note(heap, pool);
    return memcmp(proven, bits_of(heap, pool), words_of(pool) * WORD_BYTES) == 0;
}

bool
survivors_note_proven(struct heap *heap, struct pool *pool, size_t lived)
{
    const uint64_t *cells = pool_allocated(pool) == lived ? proofs_cells(heap, pool_address(heap, pool)) : NULL;
    if (cells == NULL) {
        return false;
    }
    ASSERT(pool->survivors == 0);
    pool->survivors = take_words(&heap->survivors, words_of(pool));
    uint64_t *bits = bits_of(heap, pool);
    memset(bits, 0, words_of(pool) * WORD_BYTES);
    size_t first = first_block_offset(pool->size_class) / ALIGNMENT_BYTES;
    size_t length = pool->block_bytes / ALIGNMENT_BYTES;
    size_t proven = 0;
    for (size_t word = 0; word < pool_bytes_of(pool->size_class) / ALIGNMENT_BYTES / 64; word++) {
        for (uint64_t left = cells[word]; left != 0; left &= left - 1) {
            size_t offset = word * 64 + lowest_bit(left) - first;
            size_t index = offset / length;
            if (index * length == offset && index < pool->carved) { /* else a mark, within a block */
                bits[index / 64] |= (uint64_t)1 << (index % 64);
                proven++;
            }
        }
    }
    if (proven != lived) {
        survivors_forget(heap, pool);
        return false;
    }
    ASSERT(is_as_noted(heap, pool));
    return true;
}

void
survivors_update(struct heap *heap, struct pool *pool, size_t noted)
{
    clear_free(heap, pool, noted - pool_allocated(pool));
}

size_t
survivors_count(const struct heap *heap, const struct pool *pool)
{
    const uint64_t *bits = bits_of(heap, pool);
    size_t count = 0;
    for (size_t i = 0; i < words_of(pool); i++) {
        count += (size_t)__builtin_popcountll(bits[i]);
    }
    return count;
}

size_t
survivors_next(const struct heap *heap, const struct pool *pool, size_t index)
{
    const uint64_t *bits = bits_of(heap, pool);
    for (size_t i = index / 64; i < words_of(pool); i++) {
        uint64_t left = i == index / 64 ? bits[i] >> (index % 64) << (index % 64) : bits[i];
        if (left != 0) {
            return i * 64 + lowest_bit(left);
        }
    }
    return pool->carved;
}

bool
survivors_has(const struct heap *heap, const struct pool *pool, size_t index)
{
    return (bits_of(heap, pool)[index / 64] >> (index % 64)) & 1;
}

/* --- granules --- */

static void
set_bits(uint64_t *words, size_t first, size_t count)
{
    for (size_t bit = first; bit < first + count;) {
        size_t in_word = 64 - bit % 64;
        size_t left = first + count - bit;
        size_t here = left < in_word ? left : in_word;
        uint64_t mask = here == 64 ? ~(uint64_t)0 : (((uint64_t)1 << here) - 1) << (bit % 64);
        words[bit / 64] |= mask;
        bit += here;
    }
}

void
survivors_granules(const struct heap *heap, const struct pool *pool, uint64_t *granules)
{
    memset(granules, 0, pool_bytes_of(pool->size_class) / ALIGNMENT_BYTES / 8);
    if (pool->survivors == 0) {
        return;
    }
    const uint64_t *bits = bits_of(heap, pool);
    size_t offset = first_block_offset(pool->size_class) / ALIGNMENT_BYTES;
    size_t length = pool->block_bytes / ALIGNMENT_BYTES;
    for (size_t i = 0; i < words_of(pool); i++) {
        for (uint64_t left = bits[i]; left != 0; left &= left - 1) {
            set_bits(granules, offset + (i * 64 + lowest_bit(left)) * length, length);
        }
    }
}
