/* The functions that CPython calls for its mem and object domains, and their install.
 *
 *     serve_malloc    fast path, inlined from heap/fast.h        about 20 instructions with CPython's wrapper
 *     serve_free      the same                                   about 20
 *     *_slow          everything else: large requests, an empty free list, a shared service, foreign addresses
 *
 * They are never uninstalled: our blocks live on, and whoever frees them must find us. They never call Python.
 */
#include "hook/guarding.h"

#include "heap/fast.h"
#include "heap/forks.h"

#include <string.h>

struct service service = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static PyMemAllocatorEx *
previous_of(const struct domain *domain)
{
    return &service.previous[domain->index];
}

/* --- whose a request is --- */

static bool
is_ours(const void *address)
{
    if (!heap_may_own(service.heap, address)) {
        return false;
    }
    bool is_locked = lock_heap();
    bool owned = heap_owns(service.heap, address);
    unlock_heap(is_locked);
    return owned;
}

/* Whether the heap serves a request of this size from whoever asks now. */
bool
serves(size_t size_bytes)
{
    interpreters_notice();
    if (service.large_to_previous && size_bytes > SMALL_BYTES_MAX) {
        return false;
    }
    return !service.is_shared || interpreters_is_main_current();
}

/* --- malloc, calloc --- */

static SLOW void *
serve_malloc_slow(struct domain *domain, size_t size_bytes)
{
    void *large_block = heap_allocate_large_fast(domain, size_bytes);
    if (large_block != NULL) {
        return large_block;
    }
    if (serves(size_bytes)) {
        bool is_locked = lock_heap();
        void *block = heap_allocate(domain, size_bytes);
        unlock_heap(is_locked);
        if (block != NULL) {
            return block;
        }
    }
    PyMemAllocatorEx *previous = previous_of(domain);
    return previous->malloc(previous->ctx, size_bytes);
}

void *
serve_malloc(void *context, size_t size_bytes)
{
    struct domain *domain = context;
    void *block = heap_allocate_fast(domain, size_bytes);
    return LIKELY(block != NULL) ? block : serve_malloc_slow(domain, size_bytes);
}

/* pymalloc hands a large request on to the raw domain, where one piece would look like an interpreter
 * (interpreters.c): bytes do not. */
static SLOW void *
serve_calloc_slow(struct domain *domain, size_t size_bytes)
{
    if (serves(size_bytes)) {
        bool is_locked = lock_heap();
        void *block = heap_allocate_zeroed(domain, 1, size_bytes);
        unlock_heap(is_locked);
        if (block != NULL) {
            return block;
        }
    }
    PyMemAllocatorEx *previous = previous_of(domain);
    return previous->calloc(previous->ctx, size_bytes, 1);
}

void *
serve_calloc(void *context, size_t count, size_t size_bytes)
{
    struct domain *domain = context;
    size_t total_bytes;
    if (UNLIKELY(__builtin_mul_overflow(count, size_bytes, &total_bytes))) {
        return NULL;
    }
    void *block = heap_allocate_fast(domain, total_bytes);
    return LIKELY(block != NULL) ? memset(block, 0, total_bytes) : serve_calloc_slow(domain, total_bytes);
}

/* --- free --- */

/* Whether it was the heap's. */
static bool
free_ours(struct domain *domain, void *address)
{
    interpreters_notice();
    bool is_locked = lock_heap();
    bool owned = heap_owns(service.heap, address);
    if (owned) {
        heap_free(domain, address);
    }
    unlock_heap(is_locked);
    return owned;
}

/* Most of what comes here was CPython's own before there was the heap, and is freed when the program ends. */
static SLOW void
serve_free_slow(struct domain *domain, void *address)
{
    bool is_over = address == NULL || (heap_may_own(service.heap, address) && free_ours(domain, address));
    if (!is_over) {
        PyMemAllocatorEx *previous = previous_of(domain);
        previous->free(previous->ctx, address);
    }
}

void
serve_free(void *context, void *address)
{
    struct domain *domain = context;
    if (LIKELY(domain_is_in_range(domain, address))) {
        heap_free_in_range(domain, address);
        return;
    }
    serve_free_slow(domain, address);
}

/* --- realloc --- */

/* Leave the heap: the request is not served by it, or it has no room. The old block stays if that fails. */
static void *
move_to_previous(struct domain *domain, void *address, size_t size_bytes)
{
    PyMemAllocatorEx *previous = previous_of(domain);
    void *moved = previous->malloc(previous->ctx, size_bytes);
    if (moved == NULL) {
        return NULL;
    }
    bool is_locked = lock_heap();
    size_t old_bytes = heap_size_of(service.heap, address);
    memcpy(moved, address, old_bytes < size_bytes ? old_bytes : size_bytes);
    heap_free(domain, address);
    unlock_heap(is_locked);
    return moved;
}

static void *
serve_realloc_ours(struct domain *domain, void *address, size_t size_bytes)
{
    if (serves(size_bytes)) {
        bool is_locked = lock_heap();
        void *resized = heap_reallocate(domain, address, size_bytes);
        unlock_heap(is_locked);
        if (resized != NULL) {
            return resized;
        }
    }
    return move_to_previous(domain, address, size_bytes);
}

static SLOW void *
serve_realloc_slow(struct domain *domain, void *address, size_t size_bytes)
{
    if (address == NULL) {
        return serve_malloc(domain, size_bytes);
    }
    if (domain_is_in_range(domain, address)) {
        void *moved = heap_move_fast(domain, address, size_bytes);
        return moved != NULL ? moved : serve_realloc_ours(domain, address, size_bytes);
    }
    if (is_ours(address)) {
        return serve_realloc_ours(domain, address, size_bytes);
    }
    PyMemAllocatorEx *previous = previous_of(domain);
    return previous->realloc(previous->ctx, address, size_bytes);
}

void *
serve_realloc(void *context, void *address, size_t size_bytes)
{
    struct domain *domain = context;
    if (LIKELY(domain_is_in_range(domain, address)) && heap_block_fits(domain, address, size_bytes)) {
        return heap_mark_resized(domain, address, size_bytes);
    }
    return serve_realloc_slow(domain, address, size_bytes);
}

/* --- install --- */

static const PyMemAllocatorDomain python_domains[DOMAINS] = {PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_MEM};

const char *
hook_refusal(void)
{
    if (!VERSION_HAS_INTERPRETER_LOCK) {
        return "free-threaded";
    }
    if (!interpreters_is_main_current()) {
        return "sub-interpreter";
    }
    if (_PyMem_GetCurrentAllocatorName == NULL) {
        return "unknown-allocator";
    }
    const char *name = _PyMem_GetCurrentAllocatorName();
    if (name == NULL) {
        return "hooked";
    }
    return strstr(name, "debug") != NULL ? "debug" : NULL;
}

static const PyMemAllocatorEx serving = {NULL, serve_malloc, serve_calloc, serve_realloc, serve_free};
static const PyMemAllocatorEx sampling = {NULL, guarding_malloc, guarding_calloc, guarding_realloc, guarding_free};

static void
replace_domains(void)
{
    for (unsigned index = 0; index < DOMAINS; index++) {
        PyMemAllocatorEx ours = guarding.guard != NULL ? sampling : serving;
        ours.ctx = heap_domain(service.heap, index);
        PyMem_SetAllocator(python_domains[index], &ours);
    }
}

int
hook_install(size_t range_bytes, bool large_to_previous, uint32_t guard_interval)
{
    if (service.heap == NULL) { /* else CPython was started anew, and our blocks live on */
        int error = forks_hold();
        if (error == 0) {
            error = interpreters_hold_forks();
        }
        if (error == 0) {
            error = heap_create(range_bytes, &service.heap);
        }
        if (error != 0) {
            return error;
        }
    }
    for (unsigned index = 0; index < DOMAINS; index++) {
        PyMem_GetAllocator(python_domains[index], &service.previous[index]);
    }
    service.large_to_previous = large_to_previous;
    if (guard_interval != 0) {
        guarding_begin(guard_interval);
    }
    interpreters_watch();
    replace_domains();
    return 0;
}

/* A name means that an allocator of CPython's own is in force: a hook, ours or one around ours, has none. */
struct heap *
hook_heap(void)
{
    return service.heap != NULL && _PyMem_GetCurrentAllocatorName() == NULL ? service.heap : NULL;
}

struct guard *
hook_guard(struct hook_sampling *sampled)
{
    *sampled = (struct hook_sampling){guarding.interval, guarding.sampled, guarding.skipped};
    return guarding.guard;
}

void
hook_look(void (*look)(struct heap *heap, void *result), void *result)
{
    bool is_locked = lock_heap();
    look(service.heap, result);
    unlock_heap(is_locked);
}
