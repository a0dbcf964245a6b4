/* See mappings.h. /proc/self/maps has a line for each. It is read without Python, whose audit hooks are the program's. */
#include "os/mappings.h"
#include "os/refusal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 4096, DESCRIPTOR_MIN = 256 };

/* The program may close every descriptor it finds, and open others in their places. */
static bool
is_still(const struct mappings_count *count)
{
    struct stat now;
    return fstat(count->file, &now) == 0 && now.st_dev == count->device && now.st_ino == count->number;
}

/* A program that closes a descriptor and opens a file expects the same number: the lowest. So that is left at once, unless
 * the program may have few. */
static void
move_up(struct mappings_count *count)
{
    int high = fcntl(count->file, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
    if (high >= 0) {
        mappings_end(count);
        count->file = high;
    }
}

int
mappings_begin(struct mappings_count *count)
{
    int saved = errno;
    struct stat opened;
    *count = (struct mappings_count){.file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    if (count->file < 0) {
        return refusal(saved);
    }
    if (fstat(count->file, &opened) != 0) {
        int error = refusal(saved);
        close(count->file);
        errno = saved;
        return error;
    }
    count->device = opened.st_dev;
    count->number = opened.st_ino;
    move_up(count);
    errno = saved;
    return 0;
}

void
mappings_end(struct mappings_count *count)
{
    int saved = errno;
    if (is_still(count)) {
        close(count->file);
    }
    errno = saved;
}

/* By offset: where the descriptor is the program's by now, no byte is taken away from it. */
int
mappings_go_on(struct mappings_count *count, bool *is_done)
{
    int saved = errno;
    char text[PIECE_BYTES];
    if (!is_still(count)) {
        errno = saved;
        return EBADF;
    }
    ssize_t length = pread(count->file, text, sizeof text, (off_t)count->offset);
    int error = length < 0 ? refusal(saved) : 0;
    for (ssize_t i = 0; i < length; i++) {
        count->mappings += text[i] == '\n';
    }
    count->offset += length > 0 ? (size_t)length : 0;
    *is_done = length == 0;
    if (length <= 0) {
        mappings_end(count);
    }
    return error;
}

/* The number behind the first such name. Nothing of libc's heap is used: it may just have been trimmed. */
static int
read_number(const char *path, const char *name, size_t *number)
{
    int saved = errno;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return refusal(saved);
    }
    char text[PIECE_BYTES];
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    errno = saved;
    text[length < 0 ? 0 : length] = '\0';
    const char *found = strstr(text, name);
    if (found == NULL || length <= 0) {
        return EIO;
    }
    *number = strtoul(found + strlen(name), NULL, 10);
    return 0;
}

int
mappings_max(size_t *max)
{
    return read_number("/proc/sys/vm/max_map_count", "", max);
}

/* The kernel keeps these numbers, the second since 4.5, so nothing is walked through. */
static int
read_status(const char *name, size_t *bytes)
{
    size_t kib = 0;
    int error = read_number("/proc/self/status", name, &kib);
    *bytes = kib * KIB;
    return error;
}

int
mappings_resident_bytes(size_t *resident_bytes)
{
    return read_status("\nVmRSS:", resident_bytes);
}

int
mappings_counted_bytes(size_t *counted_bytes)
{
    return read_status("\nRssShmem:", counted_bytes);
}
