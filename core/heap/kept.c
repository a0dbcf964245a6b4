/* Kept pages: those of mappings that were freed or became shorter, for requests to come.
 *
 * A program that makes, grows and drops large values in a loop would otherwise have the system clear their pages each
 * time. A request takes the front of the smallest piece that is large enough; what is left is the mapping's tail, into
 * which it may grow, and which it takes along when it is freed.
 *
 *     | kept piece                    |   a request   | mapping     | tail            |
 *                                        it grows     | mapping            | tail     |
 *                                        is freed     | kept piece                    |
 *
 * They make no peak: before the heap would hold more than ever, by more than a quarter of an arena, as much goes back,
 * the oldest first; and all, when the system refuses.
 *
 * Callers: mapping.c, growth.c, arena.c, heap.c, sweep.c. Calls: growth.c, purge.c, os/. The model is quire.model.kept.
 */
#include "heap/structs.h"

#include <string.h>

static struct kept
remove_at(struct heap *heap, size_t index)
{
    struct kept removed = heap->kept[index];
    heap->kept_count--;
    memmove(&heap->kept[index], &heap->kept[index + 1], (heap->kept_count - index) * sizeof(struct kept));
    heap->totals.kept_bytes -= removed.size_bytes;
    return removed;
}

/* --- giving back --- */

static void
give_back(struct heap *heap, uintptr_t address, size_t size_bytes)
{
    unmark((char *)address, size_bytes);
    os_unmap((char *)address, size_bytes);
    heap->totals.mapping_bytes_given_back += size_bytes;
}

static size_t
give_back_piece(struct heap *heap, size_t index)
{
    struct kept piece = remove_at(heap, index);
    give_back(heap, piece.address, piece.size_bytes);
    return piece.size_bytes;
}

/* The end of a piece, whole pages, or all of it. */
static size_t
give_back_end(struct heap *heap, size_t index, size_t part_bytes)
{
    struct kept *piece = &heap->kept[index];
    if (part_bytes >= piece->size_bytes) {
        return give_back_piece(heap, index);
    }
    piece->size_bytes -= part_bytes;
    heap->totals.kept_bytes -= part_bytes;
    give_back(heap, piece->address + piece->size_bytes, part_bytes);
    return part_bytes;
}

void
kept_give_back(struct heap *heap, size_t wanted_bytes)
{
    while (heap->kept_count != 0 && wanted_bytes != 0) {
        size_t least_bytes = wanted_bytes < ARENA_BYTES / 4 ? ARENA_BYTES / 4 : wanted_bytes;
        size_t part_bytes = give_back_end(heap, 0, align_up(least_bytes, os_page_bytes()));
        wanted_bytes = wanted_bytes > part_bytes ? wanted_bytes - part_bytes : 0;
    }
}

/* Whether there was anything to give back. */
bool
kept_give_back_all(struct heap *heap)
{
    bool had_any = heap->kept_count != 0;
    while (heap->kept_count != 0) {
        give_back_piece(heap, 0);
    }
    return had_any;
}

/* --- a sweep --- */

enum { SWEPT_AT_ONCE_BYTES = ARENA_BYTES / 2 }; /* a step can end between two of them */

/* Those that are old go back, the oldest first; the others become old. False: the step ended before. */
bool
kept_sweep(struct purge *purge)
{
    struct heap *heap = purge->heap;
    size_t index = 0;
    while (index < heap->kept_count) {
        size_t wanted_bytes = purge->wanted_bytes & ~(os_page_bytes() - 1);
        if (!heap->kept[index].is_old || wanted_bytes == 0) {
            index++;
            continue;
        }
        if (purge_is_due(purge)) {
            return false;
        }
        size_t part_bytes = wanted_bytes < SWEPT_AT_ONCE_BYTES ? wanted_bytes : SWEPT_AT_ONCE_BYTES;
        part_bytes = give_back_end(heap, index, part_bytes);
        purge->swept.kept_bytes += part_bytes;
        purge->wanted_bytes -= part_bytes;
        purge_spend(purge, (part_bytes + POOL_BYTES - 1) / POOL_BYTES);
    }
    for (index = 0; index < heap->kept_count; index++) {
        purge->swept.young_bytes += heap->kept[index].is_old ? 0 : heap->kept[index].size_bytes;
        heap->kept[index].is_old = true;
    }
    return true;
}

/* --- keeping and taking --- */

void
kept_add(struct heap *heap, struct kept piece)
{
    if (piece.size_bytes > KEPT_BYTES_MAX) {
        give_back(heap, piece.address, piece.size_bytes);
        return;
    }
    while (heap->kept_count == KEPT_MAX || heap->totals.kept_bytes + piece.size_bytes > KEPT_BYTES_MAX) {
        give_back_piece(heap, 0);
    }
    mark_free((char *)piece.address, piece.size_bytes);
    heap->kept[heap->kept_count++] = piece;
    heap->totals.kept_bytes += piece.size_bytes;
    heap_note_rest(heap, piece.size_bytes);
}

/* The smallest that is large enough, else the largest; of equal ones the newest. There is one. */
static size_t
nearest_in_size(const struct heap *heap, size_t mapped_bytes)
{
    size_t best = 0;
    for (size_t index = 1; index < heap->kept_count; index++) {
        size_t kept_bytes = heap->kept[index].size_bytes, best_bytes = heap->kept[best].size_bytes;
        bool is_better = best_bytes < mapped_bytes ? kept_bytes >= best_bytes
                                                   : kept_bytes >= mapped_bytes && kept_bytes <= best_bytes;
        best = is_better ? index : best;
    }
    return best;
}

/* How many bytes the smallest piece has that is large enough; 0 if none is. */
size_t
kept_bytes_for(const struct heap *heap, size_t mapped_bytes)
{
    size_t kept_bytes = heap->kept_count == 0 ? 0 : heap->kept[nearest_in_size(heap, mapped_bytes)].size_bytes;
    return kept_bytes >= mapped_bytes ? kept_bytes : 0;
}

/* Pages for a request: as many as it needs, or fewer, if no piece is large enough. One that has less than half is
 * left alone, unless growth would give it back. There is a piece. */
bool
kept_take(struct heap *heap, size_t mapped_bytes, struct kept *taken)
{
    ASSERT(heap->kept_count != 0);
    size_t index = nearest_in_size(heap, mapped_bytes);
    struct kept *piece = &heap->kept[index];
    if (piece->size_bytes < mapped_bytes / 2 && growth_allows_kept(heap, mapped_bytes)) {
        return false;
    }
    *taken = *piece;
    if (piece->size_bytes <= mapped_bytes) {
        remove_at(heap, index);
        return true;
    }
    taken->size_bytes = mapped_bytes;
    *piece = (struct kept){piece->address + mapped_bytes, piece->size_bytes - mapped_bytes, .is_tail = true};
    heap->totals.kept_bytes -= mapped_bytes;
    return true;
}

/* The tail of the mapping that ends at the address, which is the caller's from now on; its size, 0 if there is none. */
size_t
kept_take_tail(struct heap *heap, uintptr_t mapping_end)
{
    for (size_t index = 0; index < heap->kept_count; index++) {
        if (heap->kept[index].is_tail && heap->kept[index].address == mapping_end) {
            return remove_at(heap, index).size_bytes;
        }
    }
    return 0;
}
