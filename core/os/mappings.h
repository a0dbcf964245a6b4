/* How many mappings the process has, and may have. To count them takes about a microsecond each, and the kernel lets nobody
 * change one meanwhile: so a count is done in small pieces. Counting needs no lock.
 *
 *     begin, go_on, go_on, ... done        or end, in the middle
 *
 * Callers: hook/, module/; not heap/, so os/fake.c has none of it. A descriptor is open while a count is under way, which
 * the program may see, and close: it is looked at before each use, and a count without it is refused.
 */
#ifndef QUIRE_OS_MAPPINGS_H
#define QUIRE_OS_MAPPINGS_H

#include "base/base.h"

struct mappings_count {
    size_t mappings; /* so far */
    size_t offset;   /* in the kernel's text of them */
    int file;
    uint64_t device, number; /* by which the file is known again */
};

/* Each returns 0, or an errno value: then the count is over. */
int mappings_begin(struct mappings_count *count);
int mappings_go_on(struct mappings_count *count, bool *is_done); /* by at most 4 KiB of text, some forty mappings */
void mappings_end(struct mappings_count *count);

int mappings_max(size_t *max);

/* What is resident, and of that what is shared memory and no file: a page counts once for each mapping that has touched
 * it. */
int mappings_resident_bytes(size_t *resident_bytes);
int mappings_counted_bytes(size_t *counted_bytes);

#endif
