/* Bytes become requests to a heap on a system that refuses on demand; libFuzzer looks for the bytes that break it.
 *
 *     byte 0         size of the system's pages
 *     8 bytes each   kind, flags, index (16 bits), size (32 bits), little endian: one step
 *
 * It is asked as a served process asks it, by the fast paths first. Every block is filled with a pattern of its own,
 * which is looked at when the block is resized or freed; the heap's self-check runs at every 16th step, and at the end,
 * when nothing may be left. tests/fuzz/sequence.py reads the same bytes.
 */
#include "heap/fast.h"
#include "heap/proofs.h"
#include "observe/residency.h"
#include "observe/walk.h"
#include "os/fake.h"

#include <stdlib.h>
#include <string.h>

enum {
    RANGE_BYTES = 8 * 1024 * 1024,
    BLOCKS_MAX = 6000,
    AT_ONCE_MAX = 600,
    STEPS_A_CHECK = 16,
    EDGE_BYTES = 64, /* of a large block, how many bytes at either end are looked at */
};

enum kind {
    ALLOCATE, ZEROED, RESIZE, FREE, ALLOCATE_MANY, FREE_MANY, REFUSE, LOOK, MISUSE, ABSURD, WATCH, CLOSE, SWEEP, MESH, KINDS
};
enum mesh_kind { BEGIN, STEP, PROVE, SETTLE, ABANDON, RENEW, UNTOUCH, WHOLE_PASS };

struct step {
    uint8_t kind;
    uint8_t flags;
    uint16_t index;
    uint32_t size;
};
static_assert(sizeof(struct step) == 8, "as the file has it");

struct block {
    unsigned char *address;
    size_t size_bytes; /* as asked for */
    unsigned char pattern;
};

static struct heap *heap;
static struct block blocks[BLOCKS_MAX];
static size_t live;
static bool is_closed;
static size_t cursor; /* of the sweep */
static unsigned char next_pattern;

/* --- what must hold --- */

static void
demand(bool kept, const char *rule)
{
    if (!kept) {
        base_fail(rule, "heap_fuzzer.c", 0);
    }
}

static void
check_heap(void)
{
    const char *broken = heap_check(heap);
    demand(broken == NULL, broken);
}

static size_t
edge_of(size_t size_bytes)
{
    return size_bytes < EDGE_BYTES ? size_bytes : EDGE_BYTES;
}

static void
fill(struct block *block)
{
    size_t edge = edge_of(block->size_bytes);
    block->pattern = ++next_pattern;
    memset(block->address, block->pattern, edge);
    memset(block->address + block->size_bytes - edge, block->pattern, edge);
}

/* The first bytes and the last of what was filled; of a block that has become shorter, only what both sizes have. */
static void
check_bytes(const struct block *block, size_t filled_bytes)
{
    size_t common = filled_bytes < block->size_bytes ? filled_bytes : block->size_bytes;
    for (size_t i = 0; i < edge_of(common); i++) {
        demand(block->address[i] == block->pattern, "a block keeps its first bytes");
    }
    for (size_t i = filled_bytes - edge_of(filled_bytes); i < common; i++) {
        demand(block->address[i] == block->pattern, "a block keeps its last bytes");
    }
}

/* --- requests, as hook/domains.c makes them --- */

static struct domain *
domain_of(const struct step *step)
{
    return heap_domain(heap, step->flags & 1);
}

/* As many small sizes as large ones: a number of 20 bits, shifted right by as many as the rest of the word says; or
 * sixteen times as much. */
static size_t
size_of(const struct step *step)
{
    size_t size_bytes = (step->size & 0xFFFFF) >> ((step->size >> 20) % 20);
    return step->flags & 0x80 ? 16 * size_bytes : size_bytes;
}

static void
keep(void *address, size_t size_bytes)
{
    if (address != NULL) {
        demand((uintptr_t)address % ALIGNMENT_BYTES == 0, "a block is aligned");
        blocks[live] = (struct block){address, size_bytes, 0};
        fill(&blocks[live++]);
    }
}

static void
allocate(struct domain *domain, size_t size_bytes)
{
    if (live == BLOCKS_MAX) {
        return;
    }
    void *address = heap_allocate_fast(domain, size_bytes);
    address = address != NULL ? address : heap_allocate_large_fast(domain, size_bytes);
    keep(address != NULL ? address : heap_allocate(domain, size_bytes), size_bytes);
}

static void
allocate_zeroed(struct domain *domain, size_t count, size_t size_bytes)
{
    if (live == BLOCKS_MAX) {
        return;
    }
    size_t total_bytes = count * size_bytes;
    char *address = heap_allocate_zeroed(domain, count, size_bytes);
    if (address != NULL && total_bytes != 0) {
        demand(address[0] == 0 && memcmp(address, address + 1, total_bytes - 1) == 0, "zeroed memory is zero");
    }
    keep(address, total_bytes);
}

static void
resize(struct domain *domain, struct block *block, size_t size_bytes)
{
    size_t filled_bytes = block->size_bytes;
    bool fits = domain_is_in_range(domain, block->address) && heap_block_fits(domain, block->address, size_bytes);
    void *resized = fits ? heap_mark_resized(domain, block->address, size_bytes)
                         : heap_reallocate(domain, block->address, size_bytes);
    demand(resized != NULL || size_bytes > filled_bytes, "shrinking never fails");
    if (resized != NULL) {
        block->address = resized;
        block->size_bytes = size_bytes;
    }
    check_bytes(block, filled_bytes);
    fill(block);
}

static void
free_block(size_t index)
{
    struct block block = blocks[index];
    blocks[index] = blocks[--live];
    check_bytes(&block, block.size_bytes);
    struct domain *domain = heap_domain(heap, block.pattern & 1);
    if (domain_is_in_range(domain, block.address)) {
        heap_free_in_range(domain, block.address);
    } else {
        heap_free(domain, block.address);
    }
}

/* --- looks --- */

static bool
visit_pool(void *context, struct pool *pool, char *address)
{
    demand(pool_address(heap, pool) == address, "a walk tells a pool's address");
    *(size_t *)context += pool_allocated(pool);
    return true;
}

static bool
visit_run(void *context, char *address, size_t size_bytes, enum run_state state)
{
    demand(size_bytes % RUN_UNIT_BYTES == 0, "runs and holes are whole units");
    bool is_allocated = heap_standing(heap, address) == STANDING_ALLOCATED;
    demand(is_allocated == (state == RUN_ALLOCATED), "a walk and the standing agree");
    *(size_t *)context += is_allocated;
    return true;
}

static bool
visit_arena(void *context, struct heap *of, struct arena *arena)
{
    return arena->kind == ARENA_RUN ? walk_runs(of, arena, visit_run, context) : walk_pools(of, arena, visit_pool, context);
}

static bool
visit_mapping(void *context, char *address, size_t size_bytes)
{
    demand(heap_size_of(heap, address) == size_bytes, "a mapping's size is what the walk says");
    *(size_t *)context += 1;
    return true;
}

static void
look(void)
{
    size_t found = 0;
    walk_arenas(heap, visit_arena, &found);
    walk_mappings(heap, visit_mapping, &found);
    demand(found == live, "a walk finds every live block, run and mapping");
    struct heap_statistics statistics;
    heap_statistics(heap, &statistics);
    size_t counted = statistics.runs_allocated + statistics.totals.mappings;
    for (unsigned i = 0; i < DOMAINS * CLASSES; i++) {
        counted += statistics.classes[i / CLASSES][i % CLASSES].blocks_allocated;
    }
    demand(counted == live, "statistics count every live block, run and mapping");
}

static void
look_at_residency(void)
{
    struct residency residency;
    residency_measure(heap, &residency);
    size_t parts = residency.live_bytes + residency.free_bytes + residency.empty_pool_bytes
                 + residency.free_run_bytes + residency.metadata_bytes;
    demand(parts == fake_resident_bytes(), "the parts of residency add up");
}

/* Anywhere in the range, or in a live block's first bytes. */
static const char *
doubtful_address(const struct step *step)
{
    if (live == 0 || step->flags % 2 == 0) {
        return heap->range_address + step->size % RANGE_BYTES;
    }
    return (const char *)blocks[step->index % live].address + step->flags % 64 / 4;
}

static void
misuse(const struct step *step)
{
    const char *address = doubtful_address(step);
    bool is_live = false;
    for (size_t i = 0; i < live; i++) {
        is_live = is_live || (const char *)blocks[i].address == address;
    }
    bool stands = heap_standing(heap, address) == STANDING_ALLOCATED;
    demand(is_live == stands, "what is live, and nothing else, stands as allocated");
    demand(heap_owns(heap, address) == (stands || heap_is_in_range(heap, address)), "the range and mappings are owned");
}

static void
passed(size_t held_bytes)
{
    demand(held_bytes != 0, "who watches is told how much is held");
    heap_watch(heap, SIZE_MAX, NULL);
}

/* A step of a sweep. What it tells is what is held no more. */
static void
sweep(const struct step *step)
{
    struct heap_totals before = heap->totals;
    struct sweep_limits limits = {
        .slots_max = 1 + step->index % 1024,
        .reserve_bytes = step->size,
        .live_percent_max = step->flags % 101,
    };
    struct swept swept = heap_sweep(heap, cursor, &limits);
    size_t rested = swept.empty_pool_bytes + swept.hole_bytes;
    demand(before.resting_bytes - heap->totals.resting_bytes == rested, "what rested and went rests no more");
    demand(before.touched_bytes - heap->totals.touched_bytes == rested + swept.page_bytes, "nor does it count as touched");
    demand(before.kept_bytes - heap->totals.kept_bytes == swept.kept_bytes, "what was kept and went is not kept");
    size_t resting_bytes = heap->totals.resting_bytes + heap->totals.kept_bytes;
    demand(rested + swept.kept_bytes == 0 || resting_bytes >= step->size, "a reserve stays");
    cursor = swept.cursor;
}

/* --- meshing --- */

/* Every block, or a part of them. */
static void
prove(size_t eighths, uint32_t from)
{
    if (!proofs_are_begun(heap) && proofs_begin(heap, false) != 0) {
        return;
    }
    for (size_t i = 0; i < live; i++) {
        if ((i * 7 + from) % 8 < eighths) {
            proofs_add(heap, blocks[i].address);
        }
    }
}

static void
begin_pass(const struct step *step)
{
    struct mesh_options options = {
        .live_percent_max = step->size % 101,
        .pools_max = 1 + step->index % 600,
    };
    if (mesh_begin(heap, &options) == 0) {
        proofs_end(heap);
    }
}

static void
settle(const struct step *step)
{
    struct mesh_places places = {
        .piece_bytes = (4 * KIB) << (step->flags >> 3) % 5,
        .extents_max = 1 + (step->size >> 8) % 8,
        .mappings_max = (step->size >> 14) % 4096,
    };
    if (mesh_settle(heap, &places) != 0) { /* pieces are smaller than pages */
        mesh_abandon(heap, &(struct mesh_limits){.parts_max = SIZE_MAX});
    }
}

static void
take_whole_pass(const struct step *step)
{
    begin_pass(step);
    struct mesh_limits limits = {.parts_max = 1 + step->index % 64};
    enum mesh_phase phase;
    while ((phase = mesh_step(heap, &limits)) != MESH_IDLE) {
        if (phase == MESH_PROVING) {
            prove(8, 0);
            settle(step);
        }
    }
    proofs_end(heap);
}

static void
take_mesh_step(const struct step *step)
{
    struct mesh_limits limits = {.parts_max = 1 + step->index % 600};
    switch ((enum mesh_kind)(step->flags % 8)) {
    case BEGIN:
        begin_pass(step);
        return;
    case STEP:
        if (mesh_step(heap, &limits) == MESH_IDLE) {
            proofs_end(heap);
        }
        return;
    case PROVE:
        prove(step->index % 10, step->size);
        return;
    case SETTLE:
        settle(step);
        return;
    case ABANDON:
        if (mesh_abandon(heap, &limits)) {
            proofs_end(heap);
        }
        return;
    case RENEW:
        mesh_renew(heap, &limits);
        return;
    case UNTOUCH:
        mesh_untouch(heap, &limits);
        return;
    case WHOLE_PASS:
        take_whole_pass(step);
        return;
    }
}

/* Nothing lives any more: nothing is shared then, nor is a pool left that shows what was. */
static void
end_meshing(void)
{
    fake_refuse(0, false);
    mesh_abandon(heap, &(struct mesh_limits){.parts_max = SIZE_MAX});
    demand(mesh_renew(heap, &(struct mesh_limits){.parts_max = SIZE_MAX}), "renewing comes to its end");
    mesh_renew(heap, &(struct mesh_limits){.parts_max = SIZE_MAX}); /* it may have begun amid the heap */
    demand(heap->totals.spent_pools == 0, "every spent pool is renewed");
    demand(heap->totals.shared_bytes == 0, "and no extent is left");
}

/* --- steps --- */

static void
take_step(const struct step *step)
{
    size_t at_once = 1 + step->index % AT_ONCE_MAX;
    size_t index = live == 0 ? 0 : step->index % live;
    switch (step->kind % KINDS) {
    case ALLOCATE:
        allocate(domain_of(step), size_of(step));
        return;
    case ZEROED:
        allocate_zeroed(domain_of(step), 1 + step->index % 8, size_of(step) / 8);
        return;
    case RESIZE:
        if (live != 0) {
            resize(domain_of(step), &blocks[index], size_of(step));
        }
        return;
    case FREE:
        if (live != 0) {
            free_block(index);
        }
        return;
    case ALLOCATE_MANY:
        for (size_t i = 0; i < at_once; i++) {
            allocate(domain_of(step), size_of(step) / 128);
        }
        return;
    case FREE_MANY: /* neighbours, or blocks that lie apart */
        for (size_t i = 0; i < 1 + step->size % AT_ONCE_MAX && live != 0; i++) {
            free_block((index + i * step->flags) % live);
        }
        return;
    case REFUSE:
        fake_refuse(step->index % 8, step->flags & 1);
        return;
    case LOOK:
        look();
        if (step->flags % 16 == 0) { /* it reads every page */
            look_at_residency();
        }
        return;
    case MISUSE:
        misuse(step);
        return;
    case ABSURD:
        demand(heap_allocate(domain_of(step), REQUEST_BYTES_MAX - step->size % 3) == NULL, "no system has that many");
        demand(heap_allocate_zeroed(domain_of(step), SIZE_MAX / 2, 3) == NULL, "nor that many");
        demand(live == 0 || heap_reallocate(domain_of(step), blocks[index].address, SIZE_MAX) == NULL, "nor that many");
        return;
    case WATCH:
        heap_watch(heap, size_of(step) * 8, passed);
        return;
    case CLOSE:
        if (!is_closed) {
            heap_close_fast_paths(heap);
            is_closed = true;
        }
        return;
    case SWEEP:
        sweep(step);
        return;
    case MESH:
        take_mesh_step(step);
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes == 0) {
        return 0;
    }
    fake_refuse(0, false);
    fake_set_page_bytes((4 * KIB) << (2 * (data[0] % 3)));
    demand(heap_create(RANGE_BYTES, &heap) == 0, "a heap can be made");
    live = 0;
    is_closed = false;
    cursor = 0;
    size_t steps = (size_bytes - 1) / sizeof(struct step);
    for (size_t i = 0; i < steps; i++) {
        struct step step;
        memcpy(&step, data + 1 + i * sizeof step, sizeof step);
        take_step(&step);
        if (i % STEPS_A_CHECK == 0) {
            check_heap();
        }
    }
    check_heap();
    look();
    while (live != 0) {
        free_block(live - 1);
    }
    check_heap();
    end_meshing();
    check_heap();
    heap_destroy(heap);
    demand(fake_held_bytes() == 0, "everything goes back");
    return 0;
}
