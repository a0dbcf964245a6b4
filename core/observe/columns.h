/* Columns of a table: numbers of one size, written one behind the other to a file, and read again.
 *
 *     column_put --> | buffer, 256 KiB | --> write() --> file
 *
 * A file that refuses keeps its error: what is put from then on goes nowhere, so that who puts needs to ask only once, in
 * the end. Numbers are little-endian, as is every machine that quire runs on.
 *
 * Callers: hook/, module/. Locking: a column is its user's; no lock is needed. The system is asked for memory, no
 * allocator is.
 */
#ifndef QUIRE_OBSERVE_COLUMNS_H
#define QUIRE_OBSERVE_COLUMNS_H

#include "base/base.h"

#include <string.h>

#define COLUMN_BUFFER_BYTES (256 * KIB)

struct column {
    int file; /* -1: nobody wants it */
    int error; /* an errno value; 0: none */
    size_t used_bytes; /* of the buffer; while reading, those that were taken */
    size_t filled_bytes; /* of the buffer, while reading */
    char *buffer;
};

/* 0, or an errno value. A column that nobody wants has no buffer. */
int column_begin(struct column *column, int file);
void column_release(struct column *column);

/* What is in the buffer goes to the file. */
void column_flush(struct column *column);

/* A column that was flushed, whole, in memory of its own; where the file ends before, zeros. Not a mapping of the file: a
 * disk that is full would end the process. NULL: it is empty, nobody wants it, or the system refuses. */
void *column_load(struct column *column, size_t size_bytes);

/* That memory goes, and what is in it to the file. */
void column_store(struct column *column, void *loaded, size_t size_bytes);

/* A part of what was flushed becomes another. */
void column_change(struct column *column, size_t at, const void *value, size_t size_bytes);

/* Read from the beginning of the file on, what was flushed; column_take tells whether there was one more. */
void column_rewind(struct column *column);
bool column_fill(struct column *column);

static inline void
column_put(struct column *column, const void *value, size_t size_bytes)
{
    if (column->file < 0) {
        return;
    }
    if (UNLIKELY(column->used_bytes + size_bytes > COLUMN_BUFFER_BYTES)) {
        column_flush(column);
    }
    memcpy(column->buffer + column->used_bytes, value, size_bytes);
    column->used_bytes += size_bytes;
}

static inline void
column_put_u8(struct column *column, uint64_t value)
{
    column_put(column, &value, sizeof value);
}

static inline void
column_put_u4(struct column *column, uint32_t value)
{
    column_put(column, &value, sizeof value);
}

static inline void
column_put_u1(struct column *column, uint8_t value)
{
    column_put(column, &value, sizeof value);
}

/* The buffer holds a whole number of values. */
static inline bool
column_take(struct column *column, void *value, size_t size_bytes)
{
    if (UNLIKELY(column->used_bytes == column->filled_bytes) && !column_fill(column)) {
        return false;
    }
    memcpy(value, column->buffer + column->used_bytes, size_bytes);
    column->used_bytes += size_bytes;
    return true;
}

#endif
