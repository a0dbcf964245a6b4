/* The contract with the system: addresses, pages, and how many of them are resident.
 *
 * Callers: heap/, observe/. linux.c fulfils it; fake.c fulfils it without a system and refuses on demand, for tests.
 * Every function that can be refused returns 0 or an errno value, and has then changed nothing, unless it says so; errno
 * stays as it is.
 *
 *     reserve          commit           touch            purge           decommit
 *     addresses  --->  may be   --->    resident  --->   not     --->    addresses
 *     only             touched          page             resident        only
 *
 * A page that was just committed, or purged, reads as zeros. Sizes and addresses are multiples of the page.
 *
 * Shared pages have a home; committed parts of what was reserved can show them too. What is written at one place is read
 * at all. A child made by fork has none of it, once the home is kept: where it was shown there is a hole, which it may
 * fill.
 *
 *     home    | page | page | page |  --  |        -- : released
 *                 \______   \
 *     range   | own   | shown | shown | own |      renewed: own again, zeros
 */
#ifndef QUIRE_OS_H
#define QUIRE_OS_H

#include "base/base.h"

size_t os_page_bytes(void);

/* Addresses: no memory stands behind them yet. Lonely ones lie far from all others, so that nothing else is mapped into a
 * hole in them, in a child of fork; that costs page tables of their own. */
int os_reserve(size_t size_bytes, size_t alignment_bytes, char **address);
int os_reserve_lonely(size_t size_bytes, size_t alignment_bytes, char **address);
void os_unreserve(char *address, size_t size_bytes);

/* Part of what was reserved: make it usable; give its pages back, but keep it usable; make it addresses only again. */
int os_commit(char *address, size_t size_bytes);
int os_purge(char *address, size_t size_bytes);
int os_decommit(char *address, size_t size_bytes);

/* A mapping of its own, zeroed. Any part of it can be unmapped, or grown, alone; os_remap may move the part, and keeps
 * what it holds. */
int os_map(size_t size_bytes, char **address);
int os_remap(char *address, size_t old_bytes, size_t new_bytes, char **moved);
void os_unmap(char *address, size_t size_bytes);

/* The monotonic clock, which never is 0. */
uint64_t os_now_ns(void);

/* Addresses of shared pages, without memory: they must not be touched. To populate makes memory for some, zeros. A child
 * inherits them and shares them, until they are kept: then it has neither them nor what shows them. */
int os_share(size_t size_bytes, char **home);
int os_populate(char *home, size_t size_bytes);
int os_keep(char *home, size_t size_bytes);
void os_unshare(char *home, size_t size_bytes);

/* Show pages of a home at a committed place, whose own are gone. Refused, the place holds what it held, or is a hole. To
 * renew gives it pages of its own, zeros. */
int os_show(char *home, size_t size_bytes, char *at, bool *is_hole);
int os_renew(char *at, size_t size_bytes);

/* In a child: fill the hole where the parent showed a home. Refused, it is a hole as before. To renew fills any hole too;
 * and where the system has no more addresses for the process, so do some that were reserved and never committed, which are
 * gone there: zeros. */
int os_show_in_child(char *home, size_t size_bytes, char *at);
int os_renew_from(char *reserved, size_t size_bytes, char *at);

/* Nobody shows a part of a home any more: its memory goes back, for good. */
int os_release(char *home, size_t size_bytes);

/* Take a home, or what shows one, out of the page table until it is touched: the process's resident size falls. */
void os_untouch(char *address, size_t size_bytes);

/* One byte a page, its lowest bit set if the page is resident; of shown pages, if what they show is. */
int os_resident(char *address, size_t size_bytes, unsigned char *pages);

#endif
