/* See guarding.h. */
#include "hook/guarding.h"

#include "hook/frames.h"

#include "heap/fast.h"

#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct guarding guarding;

/* --- when --- */

static uint64_t
next_random(void)
{
    uint64_t x = guarding.random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return guarding.random = x;
}

/* From 1 to twice the interval less 1: on average the interval, and no program's own rhythm can evade it. */
static uint32_t
next_countdown(void)
{
    return 1 + (uint32_t)(next_random() % (2 * (uint64_t)guarding.interval - 1));
}

/* Blocks that stay fill the slots. So that there is one for a later request, however many stay: once less than half of
 * them are free, requests are passed over, the more of them the fewer are free (by the square: after L blocks that
 * stayed, the free slots are about as many as half of all, divided by 1 + L / half). */
static bool
has_room(void)
{
    struct guard_statistics counts = guard_statistics(guarding.guard);
    uint64_t half = counts.slots / 2;
    uint64_t free = counts.slots - counts.allocated - counts.lost;
    return free >= half || next_random() % (half * half) < free * free;
}

/* --- sampled requests --- */

static void
note(char *buffer, const struct domain *domain)
{
    struct text text = text_begin(buffer, GUARD_NOTE_BYTES);
    text_add(&text, "thread ");
    text_add_number(&text, (uint64_t)syscall(SYS_gettid));
    text_add(&text, domain->index == 0 ? ", object domain:\n" : ", mem domain:\n");
    frames_write(frames_own_thread(), &text);
}

/* It is this request's turn, and the heap's lock is held. */
static void *
allocate_guarded(struct domain *domain, size_t size_bytes)
{
    guarding.countdown = next_countdown();
    guarding.sampled++;
    bool at_left_end = next_random() % 4 == 0;
    struct guard_slot *slot = has_room() ? guard_allocate(guarding.guard, size_bytes, at_left_end) : NULL;
    if (slot != NULL) {
        note(slot->allocated_note, domain);
        fault_watch();
    } else {
        guarding.skipped++;
    }
    return slot == NULL ? NULL : slot->address;
}

/* A guarded block if it is this request's turn; NULL if it is not, or it gets none. Requests that the fast paths have not
 * counted are counted here. Where the heap would not serve the request, it is the next one's turn. */
static void *
sample(struct domain *domain, size_t size_bytes, bool is_counted)
{
    bool is_locked = lock_heap();
    void *block = NULL;
    if (UNLIKELY(is_counted || --guarding.countdown == 0)) {
        if (size_bytes <= GUARD_BYTES_MAX && serves(size_bytes)) {
            block = allocate_guarded(domain, size_bytes);
        } else {
            guarding.countdown = 1;
        }
    }
    unlock_heap(is_locked);
    return block;
}

/* The fast path had no block for the request, or had one but it is the request's turn. */
static SLOW void *
malloc_slow(struct domain *domain, size_t size_bytes, void *block)
{
    void *guarded = sample(domain, size_bytes, block != NULL);
    if (guarded == NULL) {
        return block != NULL ? block : serve_malloc(domain, size_bytes);
    }
    if (block != NULL) {
        serve_free(domain, block);
    }
    return guarded;
}

/* In a shared service the fast path never has a block, so that the count is taken under the mutex only. */
void *
guarding_malloc(void *context, size_t size_bytes)
{
    struct domain *domain = context;
    void *block = heap_allocate_fast(domain, size_bytes);
    return LIKELY(block != NULL && --guarding.countdown != 0) ? block : malloc_slow(domain, size_bytes, block);
}

static SLOW void *
calloc_slow(struct domain *domain, size_t count, size_t size_bytes, void *block)
{
    void *guarded = sample(domain, count * size_bytes, block != NULL);
    if (guarded == NULL) {
        return block != NULL ? memset(block, 0, count * size_bytes) : serve_calloc(domain, count, size_bytes);
    }
    if (block != NULL) {
        serve_free(domain, block);
    }
    return guarded;
}

void *
guarding_calloc(void *context, size_t count, size_t size_bytes)
{
    struct domain *domain = context;
    size_t total_bytes;
    if (UNLIKELY(__builtin_mul_overflow(count, size_bytes, &total_bytes))) {
        return NULL;
    }
    void *block = heap_allocate_fast(domain, total_bytes);
    return LIKELY(block != NULL && --guarding.countdown != 0) ? memset(block, 0, total_bytes)
                                                              : calloc_slow(domain, count, size_bytes, block);
}

/* --- guarded blocks that come back --- */

/* The slot whose allocated block begins at the address, its margins whole; else this is the end. */
static struct guard_slot *
require_block(const void *address, bool is_realloc)
{
    struct guard_slot *slot = guard_slot_of(guarding.guard, address);
    if (slot == NULL || slot->state != GUARD_ALLOCATED || slot->address != address
        || guard_damage(guarding.guard, slot) != 0) {
        fault_end(address, is_realloc);
    }
    return slot;
}

static void
free_guarded(const struct domain *domain, void *address, bool is_realloc)
{
    bool is_locked = lock_heap();
    struct guard_slot *slot = require_block(address, is_realloc);
    note(slot->freed_note, domain);
    guard_free(guarding.guard, slot);
    unlock_heap(is_locked);
}

static SLOW void
free_slow(struct domain *domain, void *address)
{
    if (guard_owns(guarding.guard, address)) {
        free_guarded(domain, address, false);
    } else {
        serve_free(domain, address);
    }
}

void
guarding_free(void *context, void *address)
{
    struct domain *domain = context;
    if (LIKELY(domain_is_in_range(domain, address))) {
        heap_free_in_range(domain, address);
        return;
    }
    free_slow(domain, address);
}

/* A guarded block always moves: its end is where the guard is, and whoever keeps the old address is found out. */
static void *
resize_guarded(struct domain *domain, void *address, size_t size_bytes)
{
    bool is_locked = lock_heap();
    size_t old_bytes = require_block(address, true)->size_bytes;
    unlock_heap(is_locked);
    void *moved = guarding_malloc(domain, size_bytes);
    if (moved != NULL) {
        memcpy(moved, address, old_bytes < size_bytes ? old_bytes : size_bytes);
        free_guarded(domain, address, true);
    }
    return moved;
}

/* A block of the range that cannot stay moves to a slot, if it is the request's turn. */
static void *
resize_sampled(struct domain *domain, void *address, size_t size_bytes, bool is_counted)
{
    void *guarded = sample(domain, size_bytes, is_counted);
    if (guarded == NULL) {
        return serve_realloc(domain, address, size_bytes);
    }
    bool is_locked = lock_heap();
    size_t old_bytes = heap_size_of(service.heap, address);
    unlock_heap(is_locked);
    memcpy(guarded, address, old_bytes < size_bytes ? old_bytes : size_bytes);
    serve_free(domain, address);
    return guarded;
}

static SLOW void *
realloc_slow(struct domain *domain, void *address, size_t size_bytes, bool is_counted)
{
    if (address == NULL) {
        return guarding_malloc(domain, size_bytes);
    }
    if (guard_owns(guarding.guard, address)) {
        return resize_guarded(domain, address, size_bytes);
    }
    if (heap_is_in_range(service.heap, address)) {
        return resize_sampled(domain, address, size_bytes, is_counted);
    }
    return serve_realloc(domain, address, size_bytes);
}

void *
guarding_realloc(void *context, void *address, size_t size_bytes)
{
    struct domain *domain = context;
    bool is_counted = domain_is_in_range(domain, address);
    if (LIKELY(is_counted) && heap_block_fits(domain, address, size_bytes)) {
        return heap_mark_resized(domain, address, size_bytes);
    }
    if (LIKELY(is_counted && --guarding.countdown != 0)) {
        return serve_realloc(domain, address, size_bytes);
    }
    return realloc_slow(domain, address, size_bytes, is_counted);
}

/* --- the install --- */

/* The more often it samples, the more blocks it finds alive at a time. The last bound keeps their mappings, two a slot,
 * well under vm.max_map_count. */
static uint32_t
slots_for(uint32_t interval)
{
    enum { SLOTS_MIN = 256, SLOTS_MAX = 16 * 1024, SLOTS_TIMES_INTERVAL = 256 * 1024 };
    uint32_t slots = SLOTS_TIMES_INTERVAL / interval;
    return slots < SLOTS_MIN ? SLOTS_MIN : slots > SLOTS_MAX ? SLOTS_MAX : slots;
}

static uint64_t
seed(void)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        random = (uint64_t)clock();
    }
    return random | 1;
}

bool
guarding_begin(uint32_t interval)
{
    if (guarding.guard == NULL && guard_create(slots_for(interval), &guarding.guard) != 0) {
        return false;
    }
    guarding.interval = interval;
    guarding.random = seed();
    guarding.countdown = next_countdown();
    fault_watch();
    return true;
}
