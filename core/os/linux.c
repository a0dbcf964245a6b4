/* The system's contract on Linux: mmap, mprotect, mremap, mincore.
 *
 * Addresses are reserved without access, which no limit on memory counts; committing makes them writable, which
 * overcommit_memory=2 does count. Only a fresh mapping takes the charge back, so decommitting maps anew.
 *
 * Locking: none of its own. The kernel serialises changes to one process's mappings.
 */
#include "os/os.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

size_t
os_page_bytes(void)
{
    static size_t page_bytes;
    if (page_bytes == 0) {
        page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    }
    return page_bytes;
}

/* Advice that changes no meaning; a kernel without the feature refuses, and nothing is lost:
 * no huge pages, which would make resident what the heap has not touched; and a name in /proc/PID/maps. */
static void
advise(char *address, size_t size_bytes)
{
    int saved = errno;
    madvise(address, size_bytes, MADV_NOHUGEPAGE);
    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, size_bytes, "quire");
    errno = saved;
}

static int
map_addresses(void *at, size_t size_bytes, int flags, char **address)
{
    void *mapped = mmap(at, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (mapped == MAP_FAILED) {
        return errno;
    }
    *address = mapped;
    return 0;
}

int
os_reserve(size_t size_bytes, size_t alignment_bytes, char **address)
{
    char *start = NULL;
    int error = map_addresses(NULL, size_bytes + alignment_bytes, 0, &start);
    if (error != 0) {
        return error;
    }
    char *aligned = (char *)align_up((size_t)start, alignment_bytes);
    if (aligned != start) {
        munmap(start, (size_t)(aligned - start));
    }
    size_t behind = alignment_bytes - (size_t)(aligned - start);
    if (behind != 0) {
        munmap(aligned + size_bytes, behind);
    }
    advise(aligned, size_bytes);
    *address = aligned;
    return 0;
}

void
os_unreserve(char *address, size_t size_bytes)
{
    munmap(address, size_bytes);
}

int
os_commit(char *address, size_t size_bytes)
{
    return mprotect(address, size_bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

int
os_purge(char *address, size_t size_bytes)
{
    return madvise(address, size_bytes, MADV_DONTNEED) == 0 ? 0 : errno;
}

int
os_decommit(char *address, size_t size_bytes)
{
    char *same;
    int error = map_addresses(address, size_bytes, MAP_FIXED, &same);
    if (error == 0) {
        advise(address, size_bytes);
    }
    return error;
}

int
os_map(size_t size_bytes, char **address)
{
    void *mapped = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        return errno;
    }
    *address = mapped;
    return 0;
}

int
os_remap(char *address, size_t old_bytes, size_t new_bytes, char **moved)
{
    void *mapped = mremap(address, old_bytes, new_bytes, MREMAP_MAYMOVE);
    if (mapped == MAP_FAILED) {
        return errno;
    }
    *moved = mapped;
    return 0;
}

void
os_unmap(char *address, size_t size_bytes)
{
    /* Near the limit on mappings, the kernel may refuse to split one: then give the pages back and keep the addresses. */
    if (munmap(address, size_bytes) != 0) {
        madvise(address, size_bytes, MADV_DONTNEED);
    }
}

int
os_resident(char *address, size_t size_bytes, unsigned char *pages)
{
    return mincore(address, size_bytes, pages) == 0 ? 0 : errno;
}
