/* Settling a snapshot, without the interpreter lock: see snapshot.h. */
#include "hook/snapshot_phases.h"

/* The addresses of rows are those of the marks. */
static void
put_addresses(struct snapshot *snapshot, int plane, int number)
{
    for (size_t i = 0; i < snapshot->marks.pieces_count; i++) {
        const struct marks_piece *piece = snapshot->marks.pieces[i];
        for (size_t word = 0; word < MARK_WORDS; word++) {
            for (uint64_t bits = piece->bits[plane][word]; bits != 0; bits &= bits - 1) {
                size_t cell = word * 64 + lowest_bit(bits);
                size_t shift = piece_shift(piece, plane, cell);
                column_put_u8(column(snapshot, number), piece->address + cell * MARK_BYTES + shift);
            }
        }
    }
}

static void
flush_all(struct snapshot *snapshot)
{
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        column_flush(&snapshot->columns[i]);
    }
}

struct claim {
    uint64_t address;
    uint32_t row;
    uint32_t words;
};
static_assert(sizeof(struct claim) == 16, "put_claim writes it");

/* The first that claims a table has it. */
static void
settle_claims(struct snapshot *snapshot, uint32_t *owners, uint64_t *sizes)
{
    struct column *claims = column(snapshot, COLUMN_claims);
    struct claim claim;
    column_rewind(claims);
    while (column_take(claims, &claim, sizeof claim)) {
        uint32_t row = marks_row(&snapshot->marks, MARK_TABLE, claim.address);
        if (row != MARKS_NO_ROW && owners != NULL && owners[row] == SNAPSHOT_NONE) {
            owners[row] = claim.row;
        }
        if (row != MARKS_NO_ROW && sizes != NULL && sizes[row] == 0) {
            sizes[row] = (uint64_t)claim.words * sizeof(void *);
        }
    }
}

static void
settle_tables(struct snapshot *snapshot)
{
    size_t owners_bytes = snapshot->counts.tables * sizeof(uint32_t);
    size_t sizes_bytes = snapshot->counts.tables * sizeof(uint64_t);
    uint32_t *owners = column_load(column(snapshot, COLUMN_table_owner), owners_bytes);
    uint64_t *sizes = column_load(column(snapshot, COLUMN_table_bytes), sizes_bytes);
    if (owners != NULL) {
        memset(owners, 0xFF, owners_bytes); /* SNAPSHOT_NONE */
    }
    settle_claims(snapshot, owners, sizes);
    column_store(column(snapshot, COLUMN_table_owner), owners, owners_bytes);
    column_store(column(snapshot, COLUMN_table_bytes), sizes, sizes_bytes);
}

static void
settle_edges(struct snapshot *snapshot)
{
    struct column *edges = column(snapshot, COLUMN_edges);
    uint64_t address;
    column_rewind(edges);
    while (column_take(edges, &address, sizeof address)) {
        column_put_u4(column(snapshot, COLUMN_edge_to), marks_row(&snapshot->marks, MARK_OBJECT, address));
    }
    column_flush(column(snapshot, COLUMN_edge_to));
}

int
snapshot_settle(struct snapshot *snapshot)
{
    size_t counts[MARK_NUMBERED];
    marks_number(&snapshot->marks, counts);
    snapshot->counts.tables = counts[MARK_TABLE];
    ASSERT(counts[MARK_OBJECT] == snapshot->counts.objects);
    put_addresses(snapshot, MARK_OBJECT, COLUMN_object_address);
    put_addresses(snapshot, MARK_TABLE, COLUMN_table_address);
    flush_all(snapshot);
    if (snapshot_error(snapshot) == 0) {
        asking_settle(&snapshot->asking, column(snapshot, COLUMN_object_bytes));
        settle_tables(snapshot);
        settle_edges(snapshot);
    }
    return snapshot_error(snapshot);
}

bool
snapshot_has(const struct snapshot *snapshot, const void *object)
{
    return marks_has(&snapshot->marks, MARK_OBJECT, address_of(object));
}

uint32_t
snapshot_row(const struct snapshot *snapshot, const void *object)
{
    return marks_row(&snapshot->marks, MARK_OBJECT, address_of(object));
}
