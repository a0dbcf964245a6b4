/* The system's contract on Linux: mmap, mprotect, mremap, madvise, mincore.
 *
 * Addresses are reserved without access, which no limit on memory counts; committing makes them writable, which
 * overcommit_memory=2 does count. Only a fresh mapping takes the charge back, so decommitting maps anew.
 *
 * Shared pages are anonymous, as between a parent and its children: no descriptor, and no limit on files. mremap with an
 * old size of 0 shows them elsewhere: it makes a second mapping of shared pages, which inherits the first one's advice.
 *
 * Locking: none of its own. The kernel serialises changes to one process's mappings.
 */
#include "os/os.h"
#include "os/refusal.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

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

/* Advice that does change something; 0, or the error with which it was refused. */
static int
change(char *address, size_t size_bytes, int advice)
{
    int saved = errno;
    return madvise(address, size_bytes, advice) == 0 ? 0 : refusal(saved);
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
    void *mapped = mmap(at, size_bytes, access, MAP_ANONYMOUS | flags, -1, 0);
    if (mapped == MAP_FAILED) {
        return refusal(saved);
    }
    *address = mapped;
    return 0;
}

/* Somewhere in the second quarter of the addresses, by chance, as the kernel's own places are, and far below those. NULL:
 * wherever the kernel likes. */
static void *
lonely_place(void)
{
    int saved = errno;
    uint64_t chance = 0;
    bool is_known = sizeof(void *) == sizeof chance && getrandom(&chance, sizeof chance, GRND_NONBLOCK) == sizeof chance;
    errno = saved;
    size_t quarter = ((uintptr_t)&chance + 1) / 4; /* the stack is at the end of them */
    uintptr_t place = align_up(quarter + chance % quarter, os_page_bytes()); /* valgrind takes no other */
    return is_known ? (void *)place : NULL;
}

static int
reserve_at(void *place, size_t size_bytes, size_t alignment_bytes, char **address)
{
    char *start = NULL;
    int error = map(place, size_bytes + alignment_bytes, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, &start);
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

int
os_reserve(size_t size_bytes, size_t alignment_bytes, char **address)
{
    return reserve_at(NULL, size_bytes, alignment_bytes, address);
}

int
os_reserve_lonely(size_t size_bytes, size_t alignment_bytes, char **address)
{
    return reserve_at(lonely_place(), size_bytes, alignment_bytes, address);
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
    return change(address, size_bytes, MADV_DONTNEED);
}

int
os_decommit(char *address, size_t size_bytes)
{
    char *same;
    int error = map(address, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, &same);
    if (error == 0) {
        advise(address, size_bytes);
    }
    return error;
}

int
os_map(size_t size_bytes, char **address)
{
    return map(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, address);
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

/* --- shared pages --- */

/* A page that could not be had later would be a SIGBUS. Kernels before 5.14 make memory only where it is touched. */
int
os_populate(char *home, size_t size_bytes)
{
    int error = change(home, size_bytes, MADV_POPULATE_WRITE);
    if (error == EINVAL) {
        for (size_t offset = 0; offset < size_bytes; offset += os_page_bytes()) {
            *(volatile char *)(home + offset) = 0;
        }
        return 0;
    }
    return error == EFAULT ? ENOMEM : error;
}

int
os_share(size_t size_bytes, char **home)
{
    int error = map(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, home);
    if (error == 0) {
        advise(*home, size_bytes);
    }
    return error;
}

int
os_keep(char *home, size_t size_bytes)
{
    return change(home, size_bytes, MADV_DONTFORK);
}

void
os_unshare(char *home, size_t size_bytes)
{
    os_unmap(home, size_bytes);
}

static bool
is_mapped(char *at, size_t size_bytes)
{
    unsigned char pages[64];
    size_t page_bytes = os_page_bytes();
    for (size_t offset = 0; offset < size_bytes; offset += sizeof pages * page_bytes) {
        size_t left = size_bytes - offset;
        if (mincore(at + offset, left < sizeof pages * page_bytes ? left : sizeof pages * page_bytes, pages) != 0) {
            return false;
        }
    }
    return true;
}

static int
remap_to(char *from, size_t old_bytes, size_t new_bytes, char *at)
{
    int saved = errno;
    return mremap(from, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED ? 0 : refusal(saved);
}

/* Older kernels take the place's own pages away before they look at limits. Where nobody may ask, it counts as a hole. */
int
os_show(char *home, size_t size_bytes, char *at, bool *is_hole)
{
    int saved = errno;
    int error = remap_to(home, 0, size_bytes, at);
    *is_hole = error != 0 && !is_mapped(at, size_bytes);
    errno = saved;
    return error;
}

int
os_show_in_child(char *home, size_t size_bytes, char *at)
{
    return remap_to(home, 0, size_bytes, at);
}

/* As what was reserved and committed: the kernel joins with its neighbours only what was mapped as they were. */
int
os_renew(char *at, size_t size_bytes)
{
    char *same;
    int error = map(at, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, &same);
    if (error == 0) {
        advise(at, size_bytes);
    }
    return error;
}

/* Addresses that only move are not counted against a limit, even one that is far below what the process has. */
int
os_renew_from(char *reserved, size_t size_bytes, char *at)
{
    int error = remap_to(reserved, size_bytes, size_bytes, at);
    return error != 0 ? error : os_commit(at, size_bytes);
}

int
os_release(char *home, size_t size_bytes)
{
    return change(home, size_bytes, MADV_REMOVE);
}

void
os_untouch(char *address, size_t size_bytes)
{
    (void)change(address, size_bytes, MADV_DONTNEED);
}

int
os_resident(char *address, size_t size_bytes, unsigned char *pages)
{
    int saved = errno;
    return mincore(address, size_bytes, pages) == 0 ? 0 : refusal(saved);
}
