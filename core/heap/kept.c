/* Kept mappings: the last that were freed, for requests of about the same size.
 *
 * A program that makes and drops large values in a loop would otherwise have the system clear their pages each time.
 * They make no peak of committed bytes: before the heap would hold more than ever, by more than a quarter of an arena,
 * they go back, as they do when the system refuses.
 *
 * Callers: mapping.c, growth.c, arena.c. The model is quire.model.raw.
 */
#include "heap/structs.h"
#include "os/os.h"

#include <string.h>

static struct mapping
remove_at(struct heap *heap, size_t index)
{
    struct mapping removed = heap->kept[index];
    heap->kept_count--;
    memmove(&heap->kept[index], &heap->kept[index + 1], (heap->kept_count - index) * sizeof(struct mapping));
    heap->totals.kept_bytes -= removed.size_bytes;
    return removed;
}

static void
give_back(struct heap *heap, struct mapping mapping)
{
    unmark((char *)mapping.address, mapping.size_bytes);
    os_unmap((char *)mapping.address, mapping.size_bytes);
    heap->totals.mapping_bytes_given_back += mapping.size_bytes;
}

void
kept_give_back_oldest(struct heap *heap)
{
    give_back(heap, remove_at(heap, 0));
}

/* The smallest that is large enough, else the largest. There is one. */
static size_t
nearest_in_size(const struct heap *heap, size_t mapped_bytes)
{
    size_t best = 0;
    for (size_t index = 1; index < heap->kept_count; index++) {
        size_t kept_bytes = heap->kept[index].size_bytes, best_bytes = heap->kept[best].size_bytes;
        bool is_better = best_bytes < mapped_bytes ? kept_bytes > best_bytes
                                                   : kept_bytes >= mapped_bytes && kept_bytes < best_bytes;
        best = is_better ? index : best;
    }
    return best;
}

/* The newest that is at least half, and at most twice as large; where growth would give some back, the nearest. */
bool
kept_take(struct heap *heap, size_t mapped_bytes, struct mapping *taken)
{
    for (size_t index = heap->kept_count; index-- > 0;) {
        size_t kept_bytes = heap->kept[index].size_bytes;
        if (kept_bytes >= mapped_bytes / 2 && kept_bytes / 2 <= mapped_bytes) {
            *taken = remove_at(heap, index);
            return true;
        }
    }
    if (heap->kept_count == 0 || growth_allows_kept(heap, mapped_bytes)) {
        return false;
    }
    *taken = remove_at(heap, nearest_in_size(heap, mapped_bytes));
    return true;
}

void
kept_add(struct heap *heap, struct mapping mapping)
{
    if (mapping.size_bytes > KEPT_BYTES_MAX) {
        give_back(heap, mapping);
        return;
    }
    while (heap->kept_count == KEPT_MAX || heap->totals.kept_bytes + mapping.size_bytes > KEPT_BYTES_MAX) {
        kept_give_back_oldest(heap);
    }
    mark_free((char *)mapping.address, mapping.size_bytes);
    heap->kept[heap->kept_count++] = mapping;
    heap->totals.kept_bytes += mapping.size_bytes;
}

/* Whether there was anything to give back. */
bool
kept_give_back(struct heap *heap)
{
    bool had_any = heap->kept_count != 0;
    while (heap->kept_count != 0) {
        kept_give_back_oldest(heap);
    }
    return had_any;
}
