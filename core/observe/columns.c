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

/* Short only at the end of the file, so that no value is cut. */
bool
column_fill(struct column *column)
{
    column->used_bytes = column->filled_bytes = 0;
    while (column->file >= 0 && column->error == 0 && column->filled_bytes < COLUMN_BUFFER_BYTES) {
        size_t room_bytes = COLUMN_BUFFER_BYTES - column->filled_bytes;
        ssize_t got = read(column->file, column->buffer + column->filled_bytes, room_bytes);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            column->error = errno;
        }
        column->filled_bytes += got < 0 ? 0 : (size_t)got;
    }
    return column->error == 0 && column->filled_bytes > 0;
}
