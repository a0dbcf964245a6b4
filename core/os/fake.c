/* The system's contract without a system: memory from libc, strict about how it is used, refusing on demand.
 *
 * It ends the process when heap/ breaks the contract (commits twice, decommits what is not committed, unmaps what
 * was not mapped, purges what shows a home), fills what was given back with a pattern, and moves a mapping at every
 * remap. What is not committed is marked as free. Shared pages are the system's all the same: copies could not be kept
 * equal.
 *
 * Locking: none; tests use it from one thread.
 */
#include "os/fake.h"

#include "base/marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PATTERN = 0xDD, TRACKED_MAX = 4096 };

/* A mapping is usable from the start, and gone when all its pages are unmapped. */
enum piece_kind { RANGE, MAPPING, HOME };

enum page_state { NOT_COMMITTED, COMMITTED, SHOWN, HOLE, GONE };

struct piece {
    char *address;
    size_t size_bytes;
    unsigned char *committed; /* a page state a page */
    enum piece_kind kind;
};

static struct piece pieces[TRACKED_MAX];
static size_t page_bytes = 4 * KIB;
static size_t calls;
static size_t refused_call; /* 0: none */
static bool refuses_for_good;
static unsigned refused_calls[FAKE_CALLS];
static unsigned granted_calls[FAKE_CALLS]; /* before the first that was refused */
static size_t held_bytes;
static char *spare_range;
static size_t spare_range_bytes;

void
fake_refuse(size_t nth, bool for_good)
{
    refused_call = nth == 0 ? 0 : calls + nth;
    refuses_for_good = for_good;
}

size_t
fake_calls(void)
{
    return calls;
}

unsigned
fake_take_refused(enum fake_call call)
{
    unsigned refused = refused_calls[call];
    refused_calls[call] = 0;
    granted_calls[call] = 0;
    return refused;
}

unsigned
fake_granted_first(enum fake_call call)
{
    return granted_calls[call];
}

size_t
fake_held_bytes(void)
{
    return held_bytes;
}

static void
demand(bool kept, const char *rule)
{
    if (!kept) {
        base_fail(rule, "os/fake.c", 0);
    }
}

void
fake_set_page_bytes(size_t bytes)
{
    demand(held_bytes == 0, "pages change their size while nothing is held");
    page_bytes = bytes;
}

static bool
is_refused(enum fake_call call)
{
    calls++;
    bool refuses = refused_call != 0 && (calls == refused_call || (refuses_for_good && calls > refused_call));
    granted_calls[call] += refused_calls[call] == 0 && !refuses;
    refused_calls[call] += refuses;
    return refuses;
}

static struct piece *
find_piece(const char *address, enum piece_kind kind)
{
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        struct piece *piece = &pieces[i];
        bool inside = piece->address != NULL && address >= piece->address && address < piece->address + piece->size_bytes;
        if (inside && piece->kind == kind) {
            return piece;
        }
    }
    demand(false, "the address was never obtained");
    return NULL;
}

static struct piece *
unused_piece(void)
{
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        if (pieces[i].address == NULL) {
            return &pieces[i];
        }
    }
    demand(false, "a test uses more pieces than are tracked");
    return NULL;
}

static void
drop_piece(struct piece *piece)
{
    free(piece->address);
    free(piece->committed);
    *piece = (struct piece){0};
}

size_t
os_page_bytes(void)
{
    return page_bytes;
}

/* Tests make a heap of the same size thousands of times: the last range's pages are there already. */
static char *
take_range(size_t alignment_bytes, size_t size_bytes)
{
    if (spare_range_bytes != size_bytes) {
        return aligned_alloc(alignment_bytes, align_up(size_bytes, alignment_bytes)); /* as C17 demands */
    }
    char *range = spare_range;
    spare_range = NULL;
    spare_range_bytes = 0;
    return range;
}

int
os_reserve(size_t size_bytes, size_t alignment_bytes, char **address)
{
    if (is_refused(FAKE_RESERVE)) {
        return ENOMEM;
    }
    struct piece *piece = unused_piece();
    piece->address = take_range(alignment_bytes, size_bytes);
    piece->committed = calloc(size_bytes / page_bytes, 1);
    if (piece->address == NULL || piece->committed == NULL) {
        drop_piece(piece);
        return ENOMEM;
    }
    piece->size_bytes = size_bytes;
    mark_free(piece->address, size_bytes);
    *address = piece->address;
    return 0;
}

int
os_reserve_lonely(size_t size_bytes, size_t alignment_bytes, char **address)
{
    return os_reserve(size_bytes, alignment_bytes, address);
}

static void
map_anew(char *address, size_t size_bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    demand(mmap(address, size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0) == address, "the machine has memory");
}

void
os_unreserve(char *address, size_t size_bytes)
{
    struct piece *piece = find_piece(address, RANGE);
    demand(piece->address == address && piece->size_bytes == size_bytes, "unreserve takes what reserve gave");
    for (size_t page = 0; page < size_bytes / page_bytes; page++) {
        if (piece->committed[page] == SHOWN) {
            map_anew(address + page * page_bytes, page_bytes);
        }
        held_bytes -= piece->committed[page] == COMMITTED ? page_bytes : 0;
    }
    mark_free(address, size_bytes);
    free(spare_range);
    spare_range = address;
    spare_range_bytes = size_bytes;
    piece->address = NULL;
    drop_piece(piece);
}

static void
set_committed(struct piece *piece, const char *address, size_t size_bytes, unsigned char from, unsigned char to)
{
    size_t first = (size_t)(address - piece->address) / page_bytes;
    demand((size_t)(address - piece->address) % page_bytes == 0 && size_bytes % page_bytes == 0, "whole pages only");
    demand(first + size_bytes / page_bytes <= piece->size_bytes / page_bytes, "pages of one piece only");
    for (size_t page = first; page < first + size_bytes / page_bytes; page++) {
        demand(piece->committed[page] == from, "commit what is not committed, decommit what is");
        piece->committed[page] = to;
    }
}

int
os_commit(char *address, size_t size_bytes)
{
    if (is_refused(FAKE_COMMIT)) {
        return ENOMEM;
    }
    set_committed(find_piece(address, RANGE), address, size_bytes, 0, 1);
    unmark(address, size_bytes);
    memset(address, 0, size_bytes);
    held_bytes += size_bytes;
    return 0;
}

int
os_purge(char *address, size_t size_bytes)
{
    if (is_refused(FAKE_PURGE)) {
        return EINVAL;
    }
    demand(size_bytes != 0, "purge something");
    set_committed(find_piece(address, RANGE), address, size_bytes, 1, 1);
    memset(address, 0, size_bytes);
    return 0;
}

int
os_decommit(char *address, size_t size_bytes)
{
    if (is_refused(FAKE_DECOMMIT)) {
        return ENOMEM;
    }
    set_committed(find_piece(address, RANGE), address, size_bytes, 1, 0);
    memset(address, PATTERN, size_bytes);
    mark_free(address, size_bytes);
    held_bytes -= size_bytes;
    return 0;
}

static int
map(size_t size_bytes, char **address, enum fake_call call)
{
    demand(size_bytes % page_bytes == 0, "whole pages only");
    if (is_refused(call) || size_bytes > SIZE_MAX / 4) {
        return ENOMEM;
    }
    struct piece *piece = unused_piece();
    piece->address = aligned_alloc(page_bytes, size_bytes);
    piece->committed = malloc(size_bytes / page_bytes);
    if (piece->address == NULL || piece->committed == NULL) {
        drop_piece(piece);
        return ENOMEM;
    }
    memset(piece->address, 0, size_bytes);
    memset(piece->committed, 1, size_bytes / page_bytes);
    piece->kind = MAPPING;
    piece->size_bytes = size_bytes;
    held_bytes += size_bytes;
    *address = piece->address;
    return 0;
}

int
os_map(size_t size_bytes, char **address)
{
    return map(size_bytes, address, FAKE_MAP);
}

int
os_remap(char *address, size_t old_bytes, size_t new_bytes, char **moved)
{
    char *target;
    int error = map(new_bytes, &target, FAKE_REMAP);
    if (error != 0) {
        return error;
    }
    memcpy(target, address, old_bytes < new_bytes ? old_bytes : new_bytes);
    os_unmap(address, old_bytes);
    *moved = target;
    return 0;
}

void
os_unmap(char *address, size_t size_bytes)
{
    struct piece *piece = find_piece(address, MAPPING);
    set_committed(piece, address, size_bytes, 1, 0);
    memset(address, PATTERN, size_bytes);
    held_bytes -= size_bytes;
    if (memchr(piece->committed, 1, piece->size_bytes / page_bytes) == NULL) {
        unmark(piece->address, piece->size_bytes);
        drop_piece(piece);
    } else {
        mark_free(address, size_bytes);
    }
}

/* Each call that can be refused takes a microsecond, and nothing else takes any time. */
uint64_t
os_now_ns(void)
{
    return 1000 * (uint64_t)(calls + 1);
}

static struct piece *
piece_at(const char *address)
{
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        struct piece *piece = &pieces[i];
        if (piece->address != NULL && address >= piece->address && address < piece->address + piece->size_bytes) {
            return piece;
        }
    }
    return NULL;
}

/* --- shared pages --- */

/* Of whole pages as large as we pretend that they are. */
static char *
aligned_addresses(size_t size_bytes)
{
    char *start = mmap(NULL, size_bytes + page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    demand(start != MAP_FAILED, "the machine has addresses");
    char *aligned = (char *)align_up((uintptr_t)start, page_bytes);
    size_t before = (size_t)(aligned - start);
    munmap(aligned + size_bytes, page_bytes - before);
    if (before != 0) {
        munmap(start, before);
    }
    return aligned;
}

static void
drop_home(struct piece *piece)
{
    for (size_t page = 0; page < piece->size_bytes / page_bytes; page++) {
        held_bytes -= piece->committed[page] ? page_bytes : 0;
    }
    free(piece->committed);
    *piece = (struct piece){0};
}

/* A child has none of its parent's: their addresses may be dealt again. */
static void
forget_homes(const char *address, size_t size_bytes)
{
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        struct piece *piece = &pieces[i];
        if (piece->address == NULL || piece->kind != HOME) {
            continue;
        }
        if (piece->address < address + size_bytes && piece->address + piece->size_bytes > address) {
            drop_home(piece);
        }
    }
}

int
os_share(size_t size_bytes, char **home)
{
    if (is_refused(FAKE_SHARE)) {
        return ENOMEM;
    }
    int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
    char *shared = mmap(aligned_addresses(size_bytes), size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    demand(shared != MAP_FAILED, "the machine has memory");
    forget_homes(shared, size_bytes);
    struct piece *piece = unused_piece();
    piece->kind = HOME;
    piece->address = shared;
    piece->size_bytes = size_bytes;
    piece->committed = malloc(size_bytes / page_bytes);
    demand(piece->committed != NULL, "the machine has memory");
    memset(piece->committed, NOT_COMMITTED, size_bytes / page_bytes);
    *home = shared;
    return 0;
}

int
os_keep(char *home, size_t size_bytes)
{
    if (is_refused(FAKE_KEEP)) {
        return ENOMEM;
    }
    demand(madvise(home, size_bytes, MADV_DONTFORK) == 0, "advice is taken");
    return 0;
}

int
os_populate(char *home, size_t size_bytes)
{
    if (is_refused(FAKE_POPULATE)) {
        return ENOMEM;
    }
    set_committed(find_piece(home, HOME), home, size_bytes, NOT_COMMITTED, COMMITTED);
    held_bytes += size_bytes;
    return 0;
}

void
os_unshare(char *home, size_t size_bytes)
{
    struct piece *piece = find_piece(home, HOME);
    demand(piece->address == home && piece->size_bytes == size_bytes, "unshare takes what share gave");
    drop_home(piece);
    munmap(home, size_bytes);
}

static size_t
count_pages(const struct piece *piece, const char *at, size_t size_bytes, enum page_state state)
{
    size_t first = (size_t)(at - piece->address) / page_bytes;
    size_t count = 0;
    for (size_t page = first; page < first + size_bytes / page_bytes; page++) {
        count += piece->committed[page] == state;
    }
    return count;
}

/* Own pages and shown ones alike become one of both. */
static void
set_all(struct piece *piece, const char *at, size_t size_bytes, enum page_state state)
{
    demand(count_pages(piece, at, size_bytes, NOT_COMMITTED) == 0, "show and renew what is committed");
    size_t first = (size_t)(at - piece->address) / page_bytes;
    memset(piece->committed + first, (int)state, size_bytes / page_bytes);
}

/* As older kernels leave it. */
static void
make_hole(struct piece *piece, char *at, size_t size_bytes)
{
    held_bytes -= count_pages(piece, at, size_bytes, COMMITTED) * page_bytes;
    set_all(piece, at, size_bytes, HOLE);
    demand(mprotect(at, size_bytes, PROT_NONE) == 0, "the machine has mappings");
}

/* Every other time that it is refused the place is a hole. */
int
os_show(char *home, size_t size_bytes, char *at, bool *is_hole)
{
    struct piece *piece = find_piece(at, RANGE);
    demand(count_pages(find_piece(home, HOME), home, size_bytes, COMMITTED) == size_bytes / page_bytes,
           "show what has memory");
    *is_hole = false;
    if (is_refused(FAKE_SHOW)) {
        static bool leaves_holes;
        *is_hole = leaves_holes = !leaves_holes;
        if (leaves_holes) {
            make_hole(piece, at, size_bytes);
        }
        return ENOMEM;
    }
    held_bytes -= count_pages(piece, at, size_bytes, COMMITTED) * page_bytes;
    set_all(piece, at, size_bytes, SHOWN);
    demand(mremap(home, 0, size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at, "the machine has mappings");
    return 0;
}

int
os_show_in_child(char *home, size_t size_bytes, char *at)
{
    struct piece *piece = find_piece(at, RANGE);
    demand(count_pages(piece, at, size_bytes, SHOWN) == size_bytes / page_bytes, "what was shown is a hole");
    demand(count_pages(find_piece(home, HOME), home, size_bytes, COMMITTED) == size_bytes / page_bytes,
           "show what has memory");
    if (is_refused(FAKE_SHOW)) {
        return ENOMEM;
    }
    demand(mremap(home, 0, size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at, "the machine has mappings");
    return 0;
}

static void
renew(char *at, size_t size_bytes)
{
    struct piece *piece = find_piece(at, RANGE);
    held_bytes += (count_pages(piece, at, size_bytes, SHOWN) + count_pages(piece, at, size_bytes, HOLE)) * page_bytes;
    set_all(piece, at, size_bytes, COMMITTED);
    map_anew(at, size_bytes);
}

int
os_renew(char *at, size_t size_bytes)
{
    if (is_refused(FAKE_RENEW)) {
        return ENOMEM;
    }
    renew(at, size_bytes);
    return 0;
}

/* A child may end where it has no memory at all. Its parent may not, so that its holes are never refused it. */
int
os_renew_from(char *reserved, size_t size_bytes, char *at)
{
    bool is_parents = count_pages(find_piece(at, RANGE), at, size_bytes, HOLE) != 0;
    if (!is_parents && is_refused(FAKE_RENEW_FROM)) {
        return ENOMEM;
    }
    set_committed(find_piece(reserved, RANGE), reserved, size_bytes, NOT_COMMITTED, GONE);
    renew(at, size_bytes);
    return 0;
}

int
os_release(char *home, size_t size_bytes)
{
    if (is_refused(FAKE_RELEASE)) {
        return EINVAL;
    }
    set_committed(find_piece(home, HOME), home, size_bytes, COMMITTED, NOT_COMMITTED);
    demand(madvise(home, size_bytes, MADV_REMOVE) == 0, "the machine takes pages back");
    held_bytes -= size_bytes;
    return 0;
}

void
os_untouch(char *address, size_t size_bytes)
{
    demand(piece_at(address)->kind == HOME
               || count_pages(piece_at(address), address, size_bytes, SHOWN) == size_bytes / page_bytes,
           "own pages would be lost");
    madvise(address, size_bytes, MADV_DONTNEED);
}

/* --- what is resident --- */

static PAST_MARKS bool
is_resident(const struct piece *piece, size_t page)
{
    if (piece->committed[page] != COMMITTED) {
        return false;
    }
    const uint64_t *content = (const uint64_t *)(piece->address + page * page_bytes);
    size_t words = page_bytes / sizeof *content;
    while (words > 0 && content[words - 1] == 0) {
        words--;
    }
    return words != 0;
}

int
os_resident(char *address, size_t size_bytes, unsigned char *pages)
{
    const struct piece *piece = piece_at(address);
    if (piece == NULL) {
        return ENOMEM;
    }
    size_t first = (size_t)(address - piece->address) / page_bytes;
    demand((size_t)(address - piece->address) % page_bytes == 0 && size_bytes % page_bytes == 0, "whole pages only");
    for (size_t page = 0; page < size_bytes / page_bytes; page++) {
        pages[page] = is_resident(piece, first + page);
    }
    return 0;
}

size_t
fake_resident_bytes(void)
{
    size_t resident = 0;
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        for (size_t page = 0; page < pieces[i].size_bytes / page_bytes; page++) {
            resident += is_resident(&pieces[i], page) ? page_bytes : 0;
        }
    }
    return resident;
}
