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
#include <time.h>
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

/* The error of a call that was refused. errno is as it was before: who frees memory may be about to read it. */
static int
refusal(int saved)
{
    int error = errno;
    errno = saved;
    return error;
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
map(void *at, size_t size_bytes, int access, int flags, char **address)
{
    int saved = errno;
    void *mapped = mmap(at, size_bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (mapped == MAP_FAILED) {
        return refusal(saved);
    }
    *address = mapped;
    return 0;
}

int
os_reserve(size_t size_bytes, size_t alignment_bytes, char **address)
{
    char *start = NULL;
    int error = map(NULL, size_bytes + alignment_bytes, PROT_NONE, MAP_NORESERVE, &start);
    if (error != 0) {
        return error;
    }
    char *aligned = (char *)align_up((size_t)start, alignment_bytes);
    if (aligned != start) {
        os_unmap(start, (size_t)(aligned - start));
    }
    size_t behind = alignment_bytes - (size_t)(aligned - start);
    if (behind != 0) {
        os_unmap(aligned + size_bytes, behind);
    }
    advise(aligned, size_bytes);
    *address = aligned;
    return 0;
}

void
os_unreserve(char *address, size_t size_bytes)
{
    os_unmap(address, size_bytes);
}

int
os_commit(char *address, size_t size_bytes)
{
    int saved = errno;
    return mprotect(address, size_bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : refusal(saved);
}

int
os_purge(char *address, size_t size_bytes)
{
    int saved = errno;
    return madvise(address, size_bytes, MADV_DONTNEED) == 0 ? 0 : refusal(saved);
}

int
os_decommit(char *address, size_t size_bytes)
{
    char *same;
    int error = map(address, size_bytes, PROT_NONE, MAP_NORESERVE | MAP_FIXED, &same);
    if (error == 0) {
        advise(address, size_bytes);
    }
    return error;
}

int
os_map(size_t size_bytes, char **address)
{
    return map(NULL, size_bytes, PROT_READ | PROT_WRITE, 0, address);
}

int
os_remap(char *address, size_t old_bytes, size_t new_bytes, char **moved)
{
    int saved = errno;
    void *mapped = mremap(address, old_bytes, new_bytes, MREMAP_MAYMOVE);
    if (mapped == MAP_FAILED) {
        return refusal(saved);
    }
    *moved = mapped;
    return 0;
}

void
os_unmap(char *address, size_t size_bytes)
{
    int saved = errno;
    /* Near the limit on mappings, the kernel may refuse to split one: then give the pages back and keep the addresses. */
    if (munmap(address, size_bytes) != 0) {
        madvise(address, size_bytes, MADV_DONTNEED);
    }
    errno = saved;
}

uint64_t
os_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int
os_resident(char *address, size_t size_bytes, unsigned char *pages)
{
    int saved = errno;
    return mincore(address, size_bytes, pages) == 0 ? 0 : refusal(saved);
}
