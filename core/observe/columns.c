/* See columns.h. */
#include "observe/columns.h"

#include "os/os.h"

#include <errno.h>
#include <unistd.h>

int
column_begin(struct column *column, int file)
{
    *column = (struct column){.file = file};
    return file < 0 ? 0 : os_map(COLUMN_BUFFER_BYTES, &column->buffer);
}

void
column_release(struct column *column)
{
    if (column->buffer != NULL) {
        os_unmap(column->buffer, COLUMN_BUFFER_BYTES);
    }
    *column = (struct column){.file = -1};
}

/* A disk that is full writes less than it was asked to, then nothing. */
static int
write_all(int file, const char *from, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t written = write(file, from, size_bytes);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written == 0) {
            return ENOSPC;
        }
        from += written < 0 ? 0 : written;
        size_bytes -= written < 0 ? 0 : (size_t)written;
    }
    return 0;
}

void
column_flush(struct column *column)
{
    if (column->file >= 0 && column->error == 0) {
        column->error = write_all(column->file, column->buffer, column->used_bytes);
    }
    column->used_bytes = 0;
}

void
column_rewind(struct column *column)
{
    column->used_bytes = column->filled_bytes = 0;
    if (column->file >= 0 && column->error == 0 && lseek(column->file, 0, SEEK_SET) != 0) {
        column->error = errno;
    }
}

/* How much was read: less only at the end of the file, or with an error. */
static size_t
read_all(struct column *column, char *to, size_t size_bytes)
{
    size_t read_bytes = 0;
    while (column->file >= 0 && column->error == 0 && read_bytes < size_bytes) {
        ssize_t got = read(column->file, to + read_bytes, size_bytes - read_bytes);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            column->error = errno;
        }
        read_bytes += got < 0 ? 0 : (size_t)got;
    }
    return read_bytes;
}

/* Short only at the end of the file, so that no value is cut. */
bool
column_fill(struct column *column)
{
    column->used_bytes = 0;
    column->filled_bytes = read_all(column, column->buffer, COLUMN_BUFFER_BYTES);
    return column->error == 0 && column->filled_bytes > 0;
}

/* --- changes --- */

void *
column_load(struct column *column, size_t size_bytes)
{
    char *loaded;
    if (column->file < 0 || size_bytes == 0 || column->error != 0) {
        return NULL;
    }
    column->error = os_map(align_up(size_bytes, os_page_bytes()), &loaded);
    if (column->error != 0) {
        return NULL;
    }
    column_rewind(column);
    read_all(column, loaded, size_bytes);
    return loaded;
}

void
column_store(struct column *column, void *loaded, size_t size_bytes)
{
    if (loaded == NULL) {
        return;
    }
    column_rewind(column);
    if (column->error == 0) {
        column->error = write_all(column->file, loaded, size_bytes);
    }
    os_unmap(loaded, align_up(size_bytes, os_page_bytes()));
}

void
column_change(struct column *column, size_t at, const void *value, size_t size_bytes)
{
    if (column->file < 0 || column->error != 0) {
        return;
    }
    ssize_t written;
    do {
        written = pwrite(column->file, value, size_bytes, (off_t)at);
    } while (written < 0 && errno == EINTR);
    if (written != (ssize_t)size_bytes) {
        column->error = written < 0 ? errno : ENOSPC;
    }
}
