/* See marks.h. */
#include "observe/marks.h"

#include "os/os.h"

#include <stdlib.h>
#include <string.h>

enum { PIECES_AT_FIRST = 512 };

static size_t
piece_bytes(void)
{
    return align_up(sizeof(struct marks_piece), os_page_bytes());
}

static size_t
table_bytes(size_t count)
{
    return align_up(count * sizeof(struct marks_piece *), os_page_bytes());
}

static struct marks_piece **
map_table(size_t count)
{
    char *table;
    return os_map(table_bytes(count), &table) == 0 ? (struct marks_piece **)(void *)table : NULL;
}

void
marks_release(struct marks *marks)
{
    for (size_t i = 0; i < marks->pieces_count; i++) {
        os_unmap((char *)marks->pieces[i], piece_bytes());
    }
    if (marks->pieces != NULL) {
        os_unmap((char *)marks->pieces, table_bytes(marks->pieces_max));
    }
    if (marks->places != NULL) {
        os_unmap((char *)marks->places, table_bytes(marks->places_count));
    }
    *marks = (struct marks){0};
}

/* --- finding a piece --- */

static struct marks_piece **
probe(const struct marks *marks, uintptr_t start)
{
    size_t place = (size_t)(((start / MARKS_PIECE_BYTES) * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
    for (;; place++) {
        struct marks_piece **found = &marks->places[place & (marks->places_count - 1)];
        if (*found == NULL || (*found)->address == start) {
            return found;
        }
    }
}

struct marks_piece *
marks_find_piece(const struct marks *marks, uintptr_t address)
{
    return marks->places_count == 0 ? NULL : *probe(marks, address & ~(MARKS_PIECE_BYTES - 1));
}

/* --- making one --- */

static bool
grow(struct marks *marks)
{
    struct marks larger = *marks;
    larger.pieces_max = marks->pieces_max == 0 ? PIECES_AT_FIRST : marks->pieces_max * 2;
    larger.places_count = larger.pieces_max * 2;
    larger.pieces = map_table(larger.pieces_max);
    larger.places = map_table(larger.places_count);
    if (larger.pieces == NULL || larger.places == NULL) {
        if (larger.pieces != NULL) {
            os_unmap((char *)larger.pieces, table_bytes(larger.pieces_max));
        }
        return false;
    }
    for (size_t i = 0; i < marks->pieces_count; i++) {
        larger.pieces[i] = marks->pieces[i];
        *probe(&larger, larger.pieces[i]->address) = larger.pieces[i];
    }
    if (marks->pieces != NULL) {
        os_unmap((char *)marks->pieces, table_bytes(marks->pieces_max));
        os_unmap((char *)marks->places, table_bytes(marks->places_count));
    }
    *marks = larger;
    return true;
}

static SLOW struct marks_piece *
make_piece(struct marks *marks, uintptr_t start)
{
    char *made;
    if ((marks->pieces_count == marks->pieces_max && !grow(marks)) || os_map(piece_bytes(), &made) != 0) {
        marks->is_short_of_memory = true;
        return NULL;
    }
    struct marks_piece *piece = (struct marks_piece *)(void *)made;
    piece->address = start;
    marks->pieces[marks->pieces_count++] = piece;
    *probe(marks, start) = piece;
    return piece;
}

struct marks_piece *
marks_piece_for(struct marks *marks, uintptr_t address)
{
    struct marks_piece *piece = marks_find_piece(marks, address);
    return LIKELY(piece != NULL) ? piece : make_piece(marks, address & ~(MARKS_PIECE_BYTES - 1));
}

/* --- order --- */

static int
compare(const void *one, const void *other)
{
    uintptr_t first = (*(struct marks_piece *const *)one)->address;
    uintptr_t second = (*(struct marks_piece *const *)other)->address;
    return (first > second) - (first < second);
}

void
marks_sort(struct marks *marks)
{
    if (marks->pieces_count != 0) {
        qsort(marks->pieces, marks->pieces_count, sizeof *marks->pieces, compare);
    }
}

/* What has no mark is read here, and takes no memory for that: such pages all are the system's page of zeros. */
static void
number_plane(struct marks_piece *piece, int plane, size_t *count)
{
    for (size_t word = 0; word < MARK_WORDS; word++) {
        if (word % MARK_WORDS_A_COUNT == 0) {
            piece->before[plane][word / MARK_WORDS_A_COUNT] = (uint32_t)*count;
        }
        *count += (size_t)__builtin_popcountll(piece->bits[plane][word]);
    }
}

void
marks_number(struct marks *marks, size_t counts[MARK_NUMBERED])
{
    for (int plane = 0; plane < MARK_NUMBERED; plane++) {
        counts[plane] = 0;
        for (size_t i = 0; i < marks->pieces_count; i++) {
            number_plane(marks->pieces[i], plane, &counts[plane]);
        }
    }
}

uint32_t
marks_row(const struct marks *marks, int plane, uintptr_t address)
{
    const struct marks_piece *piece = marks_find_piece(marks, address);
    if (piece == NULL || !piece_has(piece, plane, address)) {
        return MARKS_NO_ROW;
    }
    size_t cell = mark_cell(address), word = cell / 64;
    uint32_t row = piece->before[plane][word / MARK_WORDS_A_COUNT];
    for (size_t i = word - word % MARK_WORDS_A_COUNT; i < word; i++) {
        row += (uint32_t)__builtin_popcountll(piece->bits[plane][i]);
    }
    uint64_t lower = ((uint64_t)1 << (cell % 64)) - 1;
    return row + (uint32_t)__builtin_popcountll(piece->bits[plane][word] & lower);
}
