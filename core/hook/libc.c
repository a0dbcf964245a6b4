/* libc's part: what is free in its heap goes back to the system, where it is glibc, which keeps most of it.
 *
 * It walks through its free pieces with its own locks in hand, for as long as that takes. So the interpreter lock is
 * not held meanwhile, and who decides is told how long it took.
 *
 * Callers: helper.c, module.c. Locking: libc's own.
 */
#include "hook/beside.h"
#include "hook/hook.h"
#include "os/mappings.h"

#include <dlfcn.h>

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

bool
hook_trim_libc(size_t free_bytes_min, size_t free_bytes_max, struct libc_trim *trim)
{
    int (*trim_heap)(size_t pad_bytes);
    *(void **)&trim_heap = dlsym(RTLD_DEFAULT, "malloc_trim");
    double start = beside_seconds(CLOCK_MONOTONIC);
    struct libc_accounts accounts;
    if (trim_heap == NULL || !hook_libc_accounts(&accounts) || accounts.fordblks < free_bytes_min
        || accounts.fordblks > free_bytes_max) {
        return false;
    }
    size_t before_bytes = 0, after_bytes;
    mappings_resident_bytes(&before_bytes);
    trim_heap(0);
    bool is_less = mappings_resident_bytes(&after_bytes) == 0 && after_bytes < before_bytes;
    *trim = (struct libc_trim){
        .free_bytes = hook_libc_accounts(&accounts) ? accounts.fordblks : 0,
        .given_bytes = is_less ? before_bytes - after_bytes : 0,
        .seconds = beside_seconds(CLOCK_MONOTONIC) - start,
    };
    return true;
}
