/* See images.h. */
#include "hook/images.h"

#include "hook/arrays.h"

#include <link.h>
#include <stdlib.h>

struct image {
    uintptr_t start, end;
};

static struct {
    struct image *items; /* by address */
    size_t count, max;
} images;

static bool
add(uintptr_t start, size_t size_bytes)
{
    struct image *items = array_grown(images.items, images.count, &images.max, sizeof *items);
    if (items == NULL) {
        return false;
    }
    images.items = items;
    images.items[images.count++] = (struct image){start, start + size_bytes};
    return true;
}

static int
add_segments(struct dl_phdr_info *info, size_t Py_UNUSED(info_bytes), void *Py_UNUSED(context))
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && !add(info->dlpi_addr + segment->p_vaddr, segment->p_memsz)) {
            return 1;
        }
    }
    return 0;
}

static int
compare(const void *one, const void *other)
{
    uintptr_t first = ((const struct image *)one)->start, second = ((const struct image *)other)->start;
    return (first > second) - (first < second);
}

bool
images_find(void)
{
    images.count = 0;
    bool is_found = dl_iterate_phdr(add_segments, NULL) == 0;
    if (images.count != 0) {
        qsort(images.items, images.count, sizeof *images.items, compare);
    }
    return is_found;
}

void
images_forget(void)
{
    PyMem_RawFree(images.items);
    images.items = NULL;
    images.count = images.max = 0;
}

static int
compare_address(const void *address, const void *image)
{
    uintptr_t at = *(const uintptr_t *)address;
    const struct image *one = image;
    return at < one->start ? -1 : at >= one->end;
}

bool
images_have(uintptr_t address)
{
    if (images.count == 0) {
        return false;
    }
    return bsearch(&address, images.items, images.count, sizeof *images.items, compare_address) != NULL;
}
