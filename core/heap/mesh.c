/* See mesh.h. The model is quire.model.mesh. */
#include "heap/mesh.h"

#include "heap/forks.h"
#include "heap/proofs.h"
#include "heap/structs.h"
#include "os/os.h"

#include <errno.h>
#include <string.h>

enum { SLOTS_A_LOOK = 64, UNIT_PAGES_MAX = LARGE_POOL_BYTES / PAGE_BYTES_MIN, MAPPINGS_OF_A_HALF = 2 };

bool
mesh_is_late(const struct mesh_limits *limits)
{
    return limits->deadline_ns != 0 && os_now_ns() >= limits->deadline_ns;
}

/* After so many parts, of short ones. */
static bool
is_over(const struct mesh_limits *limits, size_t parts)
{
    return parts == limits->parts_max || (parts % SLOTS_A_LOOK == 0 && parts != 0 && mesh_is_late(limits));
}

/* --- beginning and ending --- */

static size_t
table_bytes(const struct mesh_options *options)
{
    size_t bytes = sizeof(struct mesh_table) + options->pools_max * sizeof(struct candidate);
    return align_up(bytes, os_page_bytes());
}

size_t
mesh_table_bytes(const struct heap *heap)
{
    return heap->mesh.phase == MESH_IDLE ? 0 : table_bytes(&heap->mesh.options);
}


int
mesh_begin(struct heap *heap, const struct mesh_options *asked)
{
    struct mesh *mesh = &heap->mesh;
    if (mesh->phase != MESH_IDLE) {
        return EBUSY;
    }
    if (POOL_BYTES % os_page_bytes() != 0) {
        return ENOTSUP;
    }
    if (asked->pools_max == 0 || asked->live_percent_max >= LIVE_PERCENTS) {
        return EINVAL;
    }
    struct mesh_options options = *asked;
    size_t slots = heap->arenas_end == 0 ? 1 : heap->arenas_end * SLOTS_AN_ARENA;
    options.pools_max = options.pools_max < slots ? options.pools_max : slots;
    char *table;
    int error = os_map(table_bytes(&options), &table);
    if (error != 0) {
        return error;
    }
    error = survivors_reserve(heap, options.pools_max);
    if (error != 0) {
        os_unmap(table, table_bytes(&options));
        return error;
    }
    mesh->table = (struct mesh_table *)(void *)table;
    mesh->options = options;
    mesh->pass = (struct mesh_pass){0};
    memset(mesh->by_percent, 0, sizeof mesh->by_percent);
    mesh->settled = mesh->settled_end = mesh->settled_bytes = mesh->matched_bytes = mesh->mappings_needed = 0;
    mesh->ends = false;
    mesh->cursor = 0;
    mesh->phase = MESH_COUNTING;
    return 0;
}

const struct mesh_pass *
mesh_last_pass(const struct heap *heap)
{
    return &heap->mesh.pass;
}

static void
end_pass(struct heap *heap)
{
    struct mesh *mesh = &heap->mesh;
    forks_lock();
    extents_discard_unused(heap);
    forks_unlock();
    struct mesh_pass *pass = &mesh->pass;
    pass->taken_back = pass->candidates - pass->foreign - pass->meshed - pass->left;
    os_unmap((char *)mesh->table, table_bytes(&mesh->options));
    mesh->table = NULL;
    mesh->phase = MESH_IDLE;
}

static void
leave(struct heap *heap, struct pool *pool)
{
    pool_take_back(heap, pool);
    heap->mesh.pass.left++;
}

bool
mesh_abandon(struct heap *heap, const struct mesh_limits *limits)
{
    if (heap->mesh.phase == MESH_IDLE) {
        return true;
    }
    size_t parts = 0;
    for (unsigned i = 0; i < DOMAINS * CLASSES; i++) {
        struct pool **ring = &heap->candidates[i / CLASSES][i % CLASSES];
        for (; *ring != &heap_no_pool; parts++) {
            if (is_over(limits, parts)) {
                return false;
            }
            leave(heap, *ring);
        }
    }
    end_pass(heap);
    return true;
}

static void
begin_phase(struct mesh *mesh, enum mesh_phase phase)
{
    mesh->phase = phase;
    mesh->cursor = 0;
}

static bool
can_be_met(const struct mesh_places *places)
{
    bool is_piece = is_power_of_two(places->piece_bytes) && places->piece_bytes >= os_page_bytes()
                 && places->piece_bytes <= LARGE_POOL_BYTES;
    return is_piece && places->extents_max != 0;
}

int
mesh_settle(struct heap *heap, const struct mesh_places *places)
{
    if (!can_be_met(places)) {
        return EINVAL;
    }
    if (heap->mesh.phase == MESH_PROVING) {
        heap->mesh.places = *places;
        begin_phase(&heap->mesh, MESH_SETTLING);
    }
    return 0;
}

/* --- choosing: first how many there are of each density, then the sparsest --- */

static unsigned
live_percent(const struct pool *pool)
{
    return (unsigned)(pool_allocated(pool) * pool->block_bytes * 100 / pool_bytes_of(pool->size_class));
}

static bool
can_be_chosen(const struct heap *heap, const struct pool *pool)
{
    const struct mesh *mesh = &heap->mesh;
    bool has_both = pool->state == SLOT_LISTED && pool->frees_left != 0 && pool->frees_left != pool->capacity;
    bool is_sparse = has_both && live_percent(pool) <= mesh->options.live_percent_max;
    return is_sparse && (!mesh->options.only_at_rest || pages_have_rested(heap, pool));
}

static void
count(struct heap *heap, struct pool *pool)
{
    heap->mesh.by_percent[live_percent(pool)]++;
}

static void
choose(struct heap *heap, struct pool *pool)
{
    struct mesh *mesh = &heap->mesh;
    if (live_percent(pool) > mesh->chosen_percent_max || mesh->pass.candidates == mesh->options.pools_max) {
        return;
    }
    uint32_t lived = (uint32_t)pool_allocated(pool);
    mesh->table->candidates[mesh->pass.candidates++] = (struct candidate){(uint32_t)(pool - heap->slots), {lived}};
    mesh->pass.live_blocks += pool_allocated(pool);
    pool_make_candidate(heap, pool);
}

/* The highest share of live bytes that does not make too many candidates; at least that of the sparsest. */
static void
settle_percent(struct mesh *mesh)
{
    size_t pools = 0;
    unsigned percent = 0;
    while (percent <= mesh->options.live_percent_max
           && (pools == 0 || pools + mesh->by_percent[percent] <= mesh->options.pools_max)) {
        pools += mesh->by_percent[percent++];
    }
    mesh->chosen_percent_max = percent == 0 ? 0 : percent - 1;
}

/* Call visit for the pools that can be chosen, from the cursor on; whether it has come to the end. */
static bool
visit_pools(struct heap *heap, const struct mesh_limits *limits, void (*visit)(struct heap *heap, struct pool *pool))
{
    struct mesh *mesh = &heap->mesh;
    size_t end = heap->arenas_end * SLOTS_AN_ARENA;
    for (size_t parts = 0; mesh->cursor < end; parts++) {
        if (is_over(limits, parts)) {
            return false;
        }
        size_t index = mesh->cursor / SLOTS_AN_ARENA;
        if (!heap_has_arena(heap, index) || heap_arena(heap, index)->kind == ARENA_RUN) {
            mesh->cursor = (index + 1) * SLOTS_AN_ARENA;
            continue;
        }
        struct pool *pool = &heap->slots[mesh->cursor++];
        if ((mesh->cursor - 1) % SLOTS_AN_ARENA != 0 && can_be_chosen(heap, pool)) {
            visit(heap, pool);
        }
    }
    return true;
}

/* --- settling: who is proven --- */

static size_t
count_foreign(const struct heap *heap, const struct pool *pool)
{
    const char *block = first_block(heap, pool);
    size_t foreign = 0;
    for (size_t index = survivors_next(heap, pool, 0); index < pool->carved;
         index = survivors_next(heap, pool, index + 1)) {
        foreign += !proofs_has(heap, block + index * pool->block_bytes);
    }
    return foreign;
}

/* It may have been taken back meanwhile, or have become empty, and even serve as something else. */
static void
settle_pool(struct heap *heap, const struct candidate *candidate)
{
    struct pool *pool = &heap->slots[candidate->slot];
    if (pool->state != SLOT_CANDIDATE || survivors_note_proven(heap, pool, candidate->lived)) {
        return;
    }
    survivors_note(heap, pool);
    size_t foreign = count_foreign(heap, pool);
    if (foreign != 0) {
        pool_take_back(heap, pool);
        heap->mesh.pass.foreign++;
        heap->mesh.pass.foreign_blocks += foreign;
    }
}

/* What is meshed at once: a pool, or a strip of small ones. */
struct unit {
    struct pool *first;
    unsigned pools;
};

static struct unit
unit_of(const struct heap *heap, struct pool *pool)
{
    size_t pools = heap->mesh.places.piece_bytes / POOL_BYTES;
    size_t slot = (size_t)(pool - heap->slots);
    bool has_slot_0 = slot % SLOTS_AN_ARENA < pools; /* which is no pool */
    if (pools <= 1 || has_slot_0 || is_large_class(pool->size_class)) {
        return (struct unit){pool, 1};
    }
    return (struct unit){&heap->slots[slot / pools * pools], (unsigned)pools};
}

static size_t
bytes_of(const struct unit *unit)
{
    return unit->pools * pool_bytes_of(unit->first->size_class);
}

/* Of a pool that goes without its neighbours, at most all of it. */
static size_t
piece_bytes_of(const struct heap *heap, const struct unit *unit)
{
    size_t piece_bytes = heap->mesh.places.piece_bytes;
    return piece_bytes < bytes_of(unit) ? piece_bytes : bytes_of(unit);
}

static bool
is_proven(const struct pool *pool)
{
    return pool->state == SLOT_CANDIDATE && pool->survivors != 0;
}

static size_t
count_proven(const struct unit *unit)
{
    size_t proven = 0;
    for (unsigned i = 0; i < unit->pools; i++) {
        proven += is_proven(&unit->first[i]);
    }
    return proven;
}

static bool
is_whole(const struct unit *unit)
{
    size_t proven = count_proven(unit);
    size_t resting = 0;
    for (unsigned i = 0; i < unit->pools; i++) {
        resting += unit->first[i].state == SLOT_RESTING;
    }
    return proven != 0 && proven + resting == unit->pools;
}

/* How sparse a unit's pools are that were proven: their live bytes in 64 KiB, in 16. The unit has such a pool. */
static size_t
live_granules(const struct heap *heap, const struct unit *unit)
{
    size_t granules = 0, slots = 0;
    for (unsigned i = 0; i < unit->pools; i++) {
        const struct pool *pool = &unit->first[i];
        if (is_proven(pool)) {
            granules += survivors_count(heap, pool) * pool->block_bytes / ALIGNMENT_BYTES;
            slots += slots_of_pool(pool);
        }
    }
    return granules * SLOTS_A_LARGE_POOL / slots;
}

/* A mapping begins with each piece, and one behind the last, unless the next pool begins its own there. */
static void
note_mappings(struct heap *heap, const struct unit *unit)
{
    struct mesh *mesh = &heap->mesh;
    size_t slot = (size_t)(unit->first - heap->slots);
    mesh->settled_bytes += bytes_of(unit);
    if (!is_whole(unit)) {
        mesh->mappings_needed += 2 * count_proven(unit);
        return;
    }
    mesh->mappings_needed += bytes_of(unit) / piece_bytes_of(heap, unit) + (slot != mesh->settled_end);
    mesh->settled_end = slot + bytes_of(unit) / POOL_BYTES;
}

/* By all that are not matched yet: their share of what all need. A pool that was taken back may have become another size. */
static size_t
mappings_needed(const struct mesh *mesh)
{
    bool is_any_left = mesh->matched_bytes < mesh->settled_bytes;
    size_t left_bytes = is_any_left ? mesh->settled_bytes - mesh->matched_bytes : 0;
    size_t extents = left_bytes / EXTENT_BYTES + 1;
    size_t units = mesh->settled_bytes == 0 ? 0 : mesh->mappings_needed * left_bytes / mesh->settled_bytes;
    return units + extents * MAPPINGS_AN_EXTENT;
}

static bool
has_mappings_for_all(const struct heap *heap, size_t more)
{
    return heap->totals.mesh_mappings + mappings_needed(&heap->mesh) + more <= heap->mesh.places.mappings_max;
}

static void
line_up(struct heap *heap, const struct unit *unit)
{
    struct mesh *mesh = &heap->mesh;
    note_mappings(heap, unit);
    uint32_t *first = &mesh->table->first[live_granules(heap, unit)];
    mesh->table->candidates[mesh->settled++] = (struct candidate){(uint32_t)(unit->first - heap->slots), {.next = *first}};
    *first = (uint32_t)mesh->settled;
}

/* The candidates of one strip are neighbours in the table, too. */
static bool
settle(struct heap *heap, const struct mesh_limits *limits)
{
    struct mesh *mesh = &heap->mesh;
    for (size_t parts = 0; mesh->cursor < mesh->pass.candidates; parts++) {
        if (parts == limits->parts_max || (parts != 0 && mesh_is_late(limits))) {
            return false;
        }
        struct unit unit = unit_of(heap, &heap->slots[mesh->table->candidates[mesh->cursor].slot]);
        size_t end_slot = (size_t)(unit.first - heap->slots) + unit.pools;
        while (mesh->cursor < mesh->pass.candidates && mesh->table->candidates[mesh->cursor].slot < end_slot) {
            settle_pool(heap, &mesh->table->candidates[mesh->cursor++]);
        }
        if (count_proven(&unit) != 0) {
            line_up(heap, &unit);
        }
    }
    return true;
}

/* --- matching: one unit, all of its pieces --- */

struct pieces {
    char *address;
    size_t pages;       /* of the unit */
    size_t piece_pages;
    uint32_t shown[UNIT_PAGES_MAX];
    uint64_t granules[GRANULE_WORDS_MAX]; /* of survivors */
};

/* Before any is shown; what was purged has no memory. */
static void
note_own_pages(const struct unit *unit, struct pieces *pieces)
{
    size_t pages_a_pool = pieces->pages / unit->pools;
    for (size_t i = 0; i < pieces->pages; i++) {
        const struct pool *pool = &unit->first[i / pages_a_pool];
        bool has_memory = !pool->is_purged && !((pool->purged_pages >> (i % pages_a_pool)) & 1);
        pieces->shown[i] = (uint32_t)(has_memory ? PAGE_OWN : PAGE_NONE);
    }
}

static void
look_at_unit(struct heap *heap, const struct unit *unit, struct pieces *pieces)
{
    pieces->address = pool_address(heap, unit->first);
    pieces->pages = bytes_of(unit) / os_page_bytes();
    pieces->piece_pages = piece_bytes_of(heap, unit) / os_page_bytes();
    for (unsigned i = 0; i < unit->pools; i++) {
        struct pool *pool = &unit->first[i];
        if (pool->survivors != 0) {
            survivors_update(heap, pool, survivors_count(heap, pool));
        }
        survivors_granules(heap, pool, &pieces->granules[i * POOL_BYTES / ALIGNMENT_BYTES / 64]);
    }
    note_own_pages(unit, pieces);
}

static bool
is_empty(const uint64_t *granules, size_t words)
{
    uint64_t all = 0;
    for (size_t i = 0; i < words; i++) {
        all |= granules[i];
    }
    return all == 0;
}

/* Bytes of survivors, 16 at a time or more in a row. */
static void
copy_live(char *to, const char *from, const uint64_t *granules, size_t words)
{
    size_t end;
    for (size_t bit = 0; bit < words * 64; bit = end) {
        uint64_t rest = granules[bit / 64] >> (bit % 64);
        if (rest == 0) {
            end = (bit / 64 + 1) * 64;
            continue;
        }
        size_t first = bit + lowest_bit(rest);
        end = first;
        while (end < words * 64 && (granules[end / 64] >> (end % 64)) & 1) {
            end++;
        }
        copy_past_marks(to + first * ALIGNMENT_BYTES, from + first * ALIGNMENT_BYTES, (end - first) * ALIGNMENT_BYTES);
    }
}

/* The system has taken these pages, and shows none. What lives there is in the home. */
static void
take_back_pages(struct heap *heap, const struct pieces *pieces, size_t first, size_t pages, const char *home)
{
    char *at = pieces->address + first * os_page_bytes();
    if (!forks_fill_hole(heap, at, pages * os_page_bytes())) {
        base_fail("the system has taken pages and gives none", "heap/mesh.c", 0);
    }
    copy_live(at, home, &pieces->granules[first * words_a_page()], pages * words_a_page());
}

static bool
find_place(const struct heap *heap, const struct pieces *pieces, size_t first, size_t pages, uint32_t *place)
{
    const uint64_t *granules = &pieces->granules[first * words_a_page()];
    return extents_find(heap, granules, pages, heap->mesh.places.extents_max, place);
}

static bool
holds_none(const struct pieces *pieces, size_t first, size_t pages)
{
    return is_empty(&pieces->granules[first * words_a_page()], pages * words_a_page());
}

/* 0, or an errno value; then the pages are still the piece's own. The system may take them and refuse to show any: the
 * heap must have addresses for a hole then. */
static int
show_at(struct heap *heap, struct pieces *pieces, size_t first, size_t pages, uint32_t place)
{
    size_t page_bytes = os_page_bytes();
    if (!forks_can_fill_hole(heap, pages * page_bytes)) {
        return ENOMEM;
    }
    const uint64_t *granules = &pieces->granules[first * words_a_page()];
    char *at = pieces->address + first * page_bytes, *home = extents_address(heap, place);
    copy_live(home, at, granules, pages * words_a_page());
    bool is_hole;
    int error = os_show(home, pages * page_bytes, at, &is_hole);
    if (is_hole) {
        take_back_pages(heap, pieces, first, pages, home);
    }
    if (error != 0) {
        return error;
    }
    extents_note_shown(heap, place, pages, granules);
    for (size_t i = 0; i < pages; i++) {
        pieces->shown[first + i] = place + (uint32_t)i;
    }
    return 0;
}

static int
show_at_new_place(struct heap *heap, struct pieces *pieces, size_t first, size_t pages)
{
    uint32_t place;
    int error = extents_cut(heap, pages, &place);
    return error != 0 ? error : show_at(heap, pieces, first, pages, place);
}

static bool
fits(const struct heap *heap, const struct pieces *pieces, size_t first, size_t pages)
{
    uint32_t place;
    return holds_none(pieces, first, pages) || find_place(heap, pieces, first, pages, &place);
}

/* Where the whole fits no place that there is, and both halves do, these go; as long as there are mappings for all. */
static bool
goes_in_halves(const struct heap *heap, const struct pieces *pieces, size_t first)
{
    size_t half = pieces->piece_pages / 2;
    bool may_be = half != 0 && heap->mesh.is_densest_first && has_mappings_for_all(heap, MAPPINGS_OF_A_HALF);
    return may_be && fits(heap, pieces, first, half) && fits(heap, pieces, first + half, half);
}

/* The first may have taken the place of the second. */
static int
mesh_half(struct heap *heap, struct pieces *pieces, size_t first)
{
    size_t pages = pieces->piece_pages / 2;
    uint32_t place;
    if (holds_none(pieces, first, pages)) {
        return 0;
    }
    return find_place(heap, pieces, first, pages, &place) ? show_at(heap, pieces, first, pages, place)
                                                          : show_at_new_place(heap, pieces, first, pages);
}

static int
mesh_piece(struct heap *heap, struct pieces *pieces, size_t first)
{
    uint32_t place;
    if (find_place(heap, pieces, first, pieces->piece_pages, &place)) {
        return show_at(heap, pieces, first, pieces->piece_pages, place);
    }
    if (goes_in_halves(heap, pieces, first)) {
        int error = mesh_half(heap, pieces, first);
        return error != 0 ? error : mesh_half(heap, pieces, first + pieces->piece_pages / 2);
    }
    return show_at_new_place(heap, pieces, first, pieces->piece_pages);
}

/* Nothing lives there: what is their own goes back. Where the system does not take it, it stays. */
static void
purge_pages(struct pieces *pieces, size_t first, size_t pages)
{
    bool has_own = false;
    for (size_t i = first; i < first + pages; i++) {
        has_own |= pieces->shown[i] == (uint32_t)PAGE_OWN;
    }
    if (!has_own) {
        return;
    }
    char *at = pieces->address + first * os_page_bytes();
    size_t size_bytes = pages * os_page_bytes();
    unmark(at, size_bytes);
    bool is_refused = os_purge(at, size_bytes) != 0;
    mark_free(at, size_bytes);
    for (size_t i = first; i < first + pages && !is_refused; i++) {
        pieces->shown[i] = (uint32_t)PAGE_NONE;
    }
}

/* Of a piece that went in halves, the one without survivors. */
static void
purge_piece(struct pieces *pieces, size_t first)
{
    size_t half = pieces->piece_pages / 2;
    if (IS_SHOWN(pieces->shown[first]) != IS_SHOWN(pieces->shown[first + half])) {
        purge_pages(pieces, first + (IS_SHOWN(pieces->shown[first]) ? half : 0), half);
    } else {
        purge_pages(pieces, first, pieces->piece_pages);
    }
}

/* 0, or the errno value of what was refused; the pieces from there on keep pages of their own. */
static int
mesh_pieces(struct heap *heap, struct pieces *pieces)
{
    int error = 0;
    for (size_t first = 0; first < pieces->pages && error == 0; first += pieces->piece_pages) {
        if (!holds_none(pieces, first, pieces->piece_pages)) {
            error = mesh_piece(heap, pieces, first);
        }
    }
    for (size_t first = 0; first < pieces->pages && error == 0; first += pieces->piece_pages) {
        purge_piece(pieces, first);
    }
    return error;
}

static bool
shows_any(const struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->pages; i++) {
        if (IS_SHOWN(pieces->shown[i])) {
            return true;
        }
    }
    return false;
}

static void
seal_unit(struct heap *heap, const struct unit *unit, const struct pieces *pieces)
{
    unsigned slots = slots_of_pool(unit->first);
    size_t before = sealed_boundaries(heap, unit->first, unit->pools * slots);
    for (unsigned i = 0; i < unit->pools; i++) {
        heap->mesh.pass.meshed += unit->first[i].state == SLOT_CANDIDATE;
        pool_seal(heap, &unit->first[i], &pieces->shown[i * (POOL_BYTES / os_page_bytes())]);
    }
    heap->totals.mesh_mappings += sealed_boundaries(heap, unit->first, unit->pools * slots) - before;
}

static void
leave_unit(struct heap *heap, const struct unit *unit)
{
    for (unsigned i = 0; i < unit->pools; i++) {
        if (is_proven(&unit->first[i])) {
            leave(heap, &unit->first[i]);
        }
    }
}

/* The system may have taken the links between free blocks: they are made anew, of empty pools too. */
static void
put_back_unit(struct heap *heap, const struct unit *unit)
{
    for (unsigned i = 0; i < unit->pools; i++) {
        pool_rebuild_free_list(heap, &unit->first[i]);
    }
    leave_unit(heap, unit);
}

static void
mesh_unit(struct heap *heap, const struct unit *unit)
{
    struct mesh *mesh = &heap->mesh;
    struct pieces pieces;
    look_at_unit(heap, unit, &pieces);
    forks_lock();
    int error = mesh_pieces(heap, &pieces);
    if (shows_any(&pieces)) {
        seal_unit(heap, unit, &pieces);
    } else {
        put_back_unit(heap, unit);
    }
    forks_unlock();
    if (error != 0) {
        mesh->pass.refusal = error;
        mesh->ends = true;
    }
}

/* A unit begins and ends a mapping at every piece, at most, one more if a piece goes in halves, and may need an extent. */
static bool
has_mappings_for(const struct heap *heap, const struct unit *unit)
{
    size_t more = 2 * (bytes_of(unit) / piece_bytes_of(heap, unit)) + 1 + MAPPINGS_AN_EXTENT;
    return heap->totals.mesh_mappings + more <= heap->mesh.places.mappings_max;
}

static void
match_whole(struct heap *heap, const struct unit *unit)
{
    struct mesh *mesh = &heap->mesh;
    if (!mesh->ends && !has_mappings_for(heap, unit)) {
        mesh->pass.is_out_of_mappings = true;
        mesh->ends = true;
    }
    if (mesh->ends) {
        leave_unit(heap, unit);
    } else {
        mesh_unit(heap, unit);
    }
}

/* Of a strip that is not whole, those that were proven go one by one. */
static void
match_unit(struct heap *heap, struct pool *first)
{
    struct unit unit = unit_of(heap, first);
    size_t unit_bytes = bytes_of(&unit);
    if (is_whole(&unit)) {
        match_whole(heap, &unit);
    } else {
        for (unsigned i = 0; i < unit.pools; i++) {
            if (is_proven(&unit.first[i])) {
                match_whole(heap, &(struct unit){&unit.first[i], 1});
            }
        }
    }
    heap->mesh.matched_bytes += unit_bytes;
}

/* Of units that are as sparse the last first. */
static bool
match(struct heap *heap, const struct mesh_limits *limits)
{
    struct mesh *mesh = &heap->mesh;
    const size_t densest = LARGE_POOL_BYTES / ALIGNMENT_BYTES;
    for (size_t parts = 0; mesh->cursor <= densest;) {
        uint32_t *first = &mesh->table->first[mesh->is_densest_first ? densest - mesh->cursor : mesh->cursor];
        if (*first == 0) {
            mesh->cursor++;
            continue;
        }
        if (parts == limits->parts_max || (parts != 0 && mesh_is_late(limits))) {
            return false;
        }
        const struct candidate *candidate = &mesh->table->candidates[*first - 1];
        *first = candidate->next;
        match_unit(heap, &heap->slots[candidate->slot]);
        parts++;
    }
    return true;
}

/* --- */

enum mesh_phase
mesh_step(struct heap *heap, const struct mesh_limits *limits)
{
    struct mesh *mesh = &heap->mesh;
    if (mesh->phase == MESH_COUNTING && visit_pools(heap, limits, count)) {
        settle_percent(mesh);
        begin_phase(mesh, MESH_CHOOSING);
    } else if (mesh->phase == MESH_CHOOSING && visit_pools(heap, limits, choose)) {
        begin_phase(mesh, MESH_PROVING);
    } else if (mesh->phase == MESH_SETTLING && settle(heap, limits)) {
        mesh->is_densest_first = has_mappings_for_all(heap, 0);
        begin_phase(mesh, MESH_MATCHING);
    } else if (mesh->phase == MESH_MATCHING && match(heap, limits)) {
        end_pass(heap);
    }
    return mesh->phase;
}
