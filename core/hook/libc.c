/* libc's part: what is free in its heap goes back to the system, where it is glibc, which keeps most of it.
 *
 * It walks through its free pieces with its own locks in hand, for as long as that takes. So the interpreter lock is
 * not held meanwhile, and who decides is told how long it took.
 *
 * Callers: helper.c, module.c. Locking: libc's own.
 */
#include "hook/hook.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

bool
hook_libc_accounts(struct libc_accounts *accounts)
{
    static struct libc_accounts (*accounts_of)(void);
    if (accounts_of == NULL) {
        *(void **)&accounts_of = dlsym(RTLD_DEFAULT, "mallinfo2");
    }
    if (accounts_of != NULL) {
        *accounts = accounts_of();
    }
    return accounts_of != NULL;
}

/* 0 where the system does not tell. */
static size_t
resident_bytes(void)
{
    char text[128];
    size_t mapped_pages, resident_pages;
    int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return 0;
    }
    ssize_t length = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    text[length < 0 ? 0 : length] = '\0';
    if (sscanf(text, "%zu %zu", &mapped_pages, &resident_pages) != 2) {
        return 0;
    }
    return resident_pages * (size_t)sysconf(_SC_PAGESIZE);
}

static double
seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool
hook_trim_libc(size_t free_bytes_min, size_t free_bytes_max, struct libc_trim *trim)
{
    int (*trim_heap)(size_t pad_bytes);
    *(void **)&trim_heap = dlsym(RTLD_DEFAULT, "malloc_trim");
    double start = seconds_now();
    struct libc_accounts accounts;
    if (trim_heap == NULL || !hook_libc_accounts(&accounts) || accounts.fordblks < free_bytes_min
        || accounts.fordblks > free_bytes_max) {
        return false;
    }
    size_t before_bytes = resident_bytes();
    trim_heap(0);
    size_t after_bytes = resident_bytes();
    *trim = (struct libc_trim){
        .free_bytes = hook_libc_accounts(&accounts) ? accounts.fordblks : 0,
        .given_bytes = before_bytes > after_bytes ? before_bytes - after_bytes : 0,
        .seconds = seconds_now() - start,
    };
    return true;
}
