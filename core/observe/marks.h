/* Marks on addresses, wherever they lie: a bit in each plane for each 16 bytes of a piece of memory. By their order marks
 * have numbers, so that an address tells its row of a table without a search. Static objects may begin in the middle of
 * such a cell, no two in the same one: a plane says which do. Tables begin where a cell does.
 *
 *     piece   | plane 0: ..1....1..1... | plane 1 | ... | before: how many marks stand before each 64 bytes of a plane
 *
 * A piece describes 2 MiB and takes 1/64 of that if two planes of it are used: what was never marked takes no memory. An
 * arena of a heap is one piece.
 *
 * Callers: hook/, which marks objects and their tables. Calls: os/. Locking: the caller's; the system is asked for memory,
 * no allocator is.
 */
#ifndef QUIRE_OBSERVE_MARKS_H
#define QUIRE_OBSERVE_MARKS_H

#include "heap/geometry.h"

#define MARK_BYTES ALIGNMENT_BYTES
#define MARK_SHIFT_BYTES ((size_t)8)
#define MARKS_PIECE_BYTES ARENA_BYTES

enum { MARK_OBJECT, MARK_TABLE, MARK_LOOKS, MARK_NAME, MARK_SHIFTED, MARK_PLANES, MARK_NUMBERED = MARK_LOOKS };
enum { MARK_WORDS = ARENA_BYTES / ALIGNMENT_BYTES / 64, MARK_WORDS_A_COUNT = 8 };

#define MARKS_NO_ROW UINT32_MAX

struct marks_piece {
    uintptr_t address;
    uint64_t bits[MARK_PLANES][MARK_WORDS];
    uint32_t before[MARK_NUMBERED][MARK_WORDS / MARK_WORDS_A_COUNT]; /* good once the marks are numbered */
};

struct marks {
    struct marks_piece **pieces; /* in the order in which they came to be, until they are sorted */
    size_t pieces_count, pieces_max;
    struct marks_piece **places; /* by address: open addressing, at most half full */
    size_t places_count; /* a power of two, or 0 */
    bool is_short_of_memory; /* a mark is missing */
};

void marks_release(struct marks *marks);

/* The piece that describes the address, made if there is none; NULL: the system has no memory. */
struct marks_piece *marks_piece_for(struct marks *marks, uintptr_t address);
struct marks_piece *marks_find_piece(const struct marks *marks, uintptr_t address);

/* Pieces by address, from now until the next one is made. */
void marks_sort(struct marks *marks);

/* Count the marks of the first planes, MARK_NUMBERED of them; where pieces are sorted, marks have numbers from then on,
 * until the next mark. */
void marks_number(struct marks *marks, size_t counts[MARK_NUMBERED]);

static inline size_t
mark_cell(uintptr_t address)
{
    return address % MARKS_PIECE_BYTES / MARK_BYTES;
}

static inline bool
piece_has_cell(const struct marks_piece *piece, int plane, size_t cell)
{
    return (piece->bits[plane][cell / 64] >> (cell % 64)) & 1;
}

/* Where in its cell lies what a plane marks there. */
static inline size_t
piece_shift(const struct marks_piece *piece, int plane, size_t cell)
{
    return plane != MARK_TABLE && piece_has_cell(piece, MARK_SHIFTED, cell) ? MARK_SHIFT_BYTES : 0;
}

static inline bool
piece_has(const struct marks_piece *piece, int plane, uintptr_t address)
{
    size_t cell = mark_cell(address);
    return piece_has_cell(piece, plane, cell) && address % MARK_BYTES == piece_shift(piece, plane, cell);
}

/* A plane's bits from a cell on, three at least, but that behind a piece there are none. */
static inline uint64_t
piece_next_cells(const struct marks_piece *piece, int plane, size_t cell)
{
    size_t word = cell / 64, shift = cell % 64;
    uint64_t bits = piece->bits[plane][word] >> shift;
    if (shift > 64 - 3 && word + 1 < MARK_WORDS) {
        bits |= piece->bits[plane][word + 1] << (64 - shift);
    }
    return bits;
}

/* Whether it was not marked before. */
static inline bool
piece_mark(struct marks_piece *piece, int plane, uintptr_t address)
{
    size_t cell = mark_cell(address);
    uint64_t mask = (uint64_t)1 << (cell % 64);
    bool is_new = (piece->bits[plane][cell / 64] & mask) == 0;
    piece->bits[plane][cell / 64] |= mask;
    if (UNLIKELY(address % MARK_BYTES != 0)) {
        piece->bits[MARK_SHIFTED][cell / 64] |= mask;
    }
    return is_new;
}

/* The same of any address; false too if there is no memory for the mark. */
static inline bool
marks_add(struct marks *marks, int plane, uintptr_t address)
{
    struct marks_piece *piece = marks_piece_for(marks, address);
    return piece != NULL && piece_mark(piece, plane, address);
}

static inline bool
marks_has(const struct marks *marks, int plane, uintptr_t address)
{
    const struct marks_piece *piece = marks_find_piece(marks, address);
    return piece != NULL && piece_has(piece, plane, address);
}

/* The number of the mark at exactly this address, MARKS_NO_ROW if there is none. */
uint32_t marks_row(const struct marks *marks, int plane, uintptr_t address);

#endif
