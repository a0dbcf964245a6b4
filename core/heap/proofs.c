/* See proofs.h. The bits are reserved for the whole range and committed as far as its arenas reach; a page of them that
 * nobody writes takes no memory. Marks of addresses outside the range stand in a table: open addressing, at most half
 * full, and so small that to make it larger, at once, takes no longer than a part of a step.
 */
#include "heap/proofs.h"

#include "heap/structs.h"
#include "os/os.h"

#define CELL_BYTES ALIGNMENT_BYTES
#define BITS_BYTES_AN_ARENA (ARENA_BYTES / CELL_BYTES / 8)
#define COMMIT_STEP_BYTES (64 * KIB) /* whole pages of any size */
#define CLEAR_BYTES (512 * KIB)      /* at once */

struct outside {
    uintptr_t *places; /* 0: unused */
    size_t capacity;   /* a power of two, or 0 */
    size_t count;
};

struct proofs {
    bool only_candidates;
    uint64_t *bits;
    size_t reserved_bytes;
    size_t committed_bytes;
    struct outside outside;
};

static size_t
own_bytes(void)
{
    return align_up(sizeof(struct proofs), os_page_bytes());
}

int
proofs_begin(struct heap *heap, bool only_candidates)
{
    ASSERT(heap->proofs == NULL);
    char *own;
    int error = os_map(own_bytes(), &own);
    if (error != 0) {
        return error;
    }
    struct proofs *proofs = (struct proofs *)own;
    proofs->only_candidates = only_candidates;
    char *bits;
    proofs->reserved_bytes = align_up(heap->range_arenas * BITS_BYTES_AN_ARENA, COMMIT_STEP_BYTES);
    error = os_reserve(proofs->reserved_bytes, ARENA_BYTES, &bits);
    if (error != 0) {
        os_unmap(own, own_bytes());
        return error;
    }
    proofs->bits = (uint64_t *)(void *)bits;
    heap->proofs = proofs;
    return 0;
}

bool
proofs_are_begun(const struct heap *heap)
{
    return heap->proofs != NULL;
}

static size_t
outside_bytes(const struct outside *outside)
{
    return align_up(outside->capacity * sizeof(uintptr_t), os_page_bytes());
}

static void
outside_release(struct outside *outside)
{
    if (outside->capacity != 0) {
        os_unmap((char *)outside->places, outside_bytes(outside));
    }
}

bool
proofs_clear(struct heap *heap, uint64_t deadline_ns)
{
    struct proofs *proofs = heap->proofs;
    while (proofs->committed_bytes != 0) {
        size_t piece_bytes = proofs->committed_bytes < CLEAR_BYTES ? proofs->committed_bytes : CLEAR_BYTES;
        char *piece = (char *)proofs->bits + proofs->committed_bytes - piece_bytes;
        if (os_decommit(piece, piece_bytes) != 0) {
            return true; /* it goes at the end */
        }
        proofs->committed_bytes -= piece_bytes;
        if (deadline_ns != 0 && os_now_ns() >= deadline_ns) {
            return proofs->committed_bytes == 0;
        }
    }
    return true;
}

void
proofs_end(struct heap *heap)
{
    struct proofs *proofs = heap->proofs;
    if (proofs == NULL) {
        return;
    }
    heap->proofs = NULL;
    outside_release(&proofs->outside);
    os_unreserve((char *)proofs->bits, proofs->reserved_bytes);
    os_unmap((char *)proofs, own_bytes());
}

size_t
proofs_pieces(const struct heap *heap, struct proofs_piece pieces[3])
{
    const struct proofs *proofs = heap->proofs;
    if (proofs == NULL) {
        return 0;
    }
    pieces[0] = (struct proofs_piece){(char *)proofs, own_bytes()};
    pieces[1] = (struct proofs_piece){(char *)proofs->bits, proofs->reserved_bytes};
    pieces[2] = (struct proofs_piece){(char *)proofs->outside.places, outside_bytes(&proofs->outside)};
    return proofs->outside.capacity == 0 ? 2 : 3;
}

/* --- the bits --- */

struct bit {
    uint64_t *word; /* NULL: not committed */
    uint64_t mask;
};

static struct bit
bit_of(const struct heap *heap, const void *address)
{
    const struct proofs *proofs = heap->proofs;
    size_t cell = (size_t)((const char *)address - heap->range_address) / CELL_BYTES;
    if (UNLIKELY(cell / 8 >= proofs->committed_bytes)) {
        return (struct bit){NULL, 0};
    }
    return (struct bit){&proofs->bits[cell / 64], (uint64_t)1 << (cell % 64)};
}

static bool
is_set(struct bit bit)
{
    return bit.word != NULL && (*bit.word & bit.mask) != 0;
}

/* As far as there are arenas. */
static SLOW bool
commit(const struct heap *heap)
{
    struct proofs *proofs = heap->proofs;
    size_t needed_bytes = align_up(heap->arenas_end * BITS_BYTES_AN_ARENA, COMMIT_STEP_BYTES);
    size_t more_bytes = needed_bytes - proofs->committed_bytes;
    if (os_commit((char *)proofs->bits + proofs->committed_bytes, more_bytes) != 0) {
        return false;
    }
    proofs->committed_bytes = needed_bytes;
    return true;
}

/* Whether it was not set before. */
static bool
set(const struct heap *heap, const void *address)
{
    struct bit bit = bit_of(heap, address);
    if (UNLIKELY(bit.word == NULL)) {
        if (!commit(heap)) {
            return false;
        }
        bit = bit_of(heap, address);
    }
    bool is_new = (*bit.word & bit.mask) == 0;
    *bit.word |= bit.mask;
    return is_new;
}

/* --- blocks --- */

/* The block of a pool in use that has the address in it; NULL if there is none. */
static const char *
block_at(const struct heap *heap, const void *address)
{
    const struct pool *pool = pool_at(heap, address);
    if (pool == NULL || pool->state == SLOT_UNTOUCHED || pool->state == SLOT_RESTING) {
        return NULL;
    }
    const char *first = first_block(heap, pool);
    size_t index = (size_t)((const char *)address - first) / pool->block_bytes; /* huge for what is before it */
    return index < pool->carved ? first + index * pool->block_bytes : NULL;
}

const void *
proofs_block(const struct heap *heap, const void *address, size_t *block_bytes)
{
    const char *block = block_at(heap, address);
    *block_bytes = block == NULL ? 0 : pool_of(heap, block)->block_bytes;
    return block;
}

/* The same, NULL too if nobody will ask about it. */
static const char *
wanted_block_at(const struct heap *heap, const void *address)
{
    const char *block = block_at(heap, address);
    bool is_wanted = block != NULL && (!heap->proofs->only_candidates || pool_of(heap, block)->state == SLOT_CANDIDATE);
    return is_wanted ? block : NULL;
}

bool
proofs_wants(const struct heap *heap, const void *address)
{
    return wanted_block_at(heap, address) != NULL;
}

void
proofs_add(struct heap *heap, const void *address)
{
    const char *block = wanted_block_at(heap, address);
    if (block != NULL) {
        set(heap, block);
    }
}

void
proofs_remove(struct heap *heap, const void *address)
{
    const char *block = block_at(heap, address);
    if (block != NULL && proofs_has(heap, block)) {
        struct bit bit = bit_of(heap, block);
        *bit.word &= ~bit.mask;
    }
}

bool
proofs_has(const struct heap *heap, const void *block)
{
    return heap->proofs != NULL && heap_is_in_range(heap, block) && is_set(bit_of(heap, block));
}

/* Both pools and pieces that are committed are whole words of bits. */
const uint64_t *
proofs_cells(const struct heap *heap, const void *pool_address)
{
    return heap->proofs == NULL ? NULL : bit_of(heap, pool_address).word;
}

/* --- marks --- */

/* Neighbouring addresses land far apart. */
static uintptr_t *
probe(const struct outside *outside, uintptr_t address)
{
    size_t place = (size_t)(((uint64_t)address * UINT64_C(0x9E3779B97F4A7C15)) >> 24) & (outside->capacity - 1);
    while (outside->places[place] != 0 && outside->places[place] != address) {
        place = (place + 1) & (outside->capacity - 1);
    }
    return &outside->places[place];
}

static bool
reserve_place(struct outside *outside)
{
    if ((outside->count + 1) * 2 <= outside->capacity) {
        return true;
    }
    if (outside->count == PROOFS_OUTSIDE_MAX) {
        return false;
    }
    size_t capacity = outside->capacity == 0 ? 8192 : outside->capacity * 2;
    struct outside larger = {.capacity = capacity, .count = outside->count};
    char *places;
    if (os_map(outside_bytes(&larger), &places) != 0) {
        return false;
    }
    larger.places = (uintptr_t *)(void *)places;
    for (size_t i = 0; i < outside->capacity; i++) {
        if (outside->places[i] != 0) {
            *probe(&larger, outside->places[i]) = outside->places[i];
        }
    }
    outside_release(outside);
    *outside = larger;
    return true;
}

static bool
visit_outside(struct outside *outside, uintptr_t address)
{
    if (!reserve_place(outside)) {
        return false;
    }
    uintptr_t *place = probe(outside, address);
    bool is_new = *place == 0;
    *place = address;
    outside->count += is_new;
    return is_new;
}

bool
proofs_visit(struct heap *heap, const void *address)
{
    if (heap_is_in_arena(heap, address)) {
        return set(heap, address);
    }
    return visit_outside(&heap->proofs->outside, (uintptr_t)address);
}

bool
proofs_was_visited(const struct heap *heap, const void *address)
{
    if (heap_is_in_arena(heap, address)) {
        return is_set(bit_of(heap, address));
    }
    const struct outside *outside = &heap->proofs->outside;
    return outside->capacity != 0 && *probe(outside, (uintptr_t)address) != 0;
}
