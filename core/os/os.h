/* The contract with the system: addresses, pages, and how many of them are resident.
 *
 * Callers: heap/, observe/. linux.c fulfils it; fake.c fulfils it without a system and refuses on demand, for tests.
 * Every function that can be refused returns 0 or an errno value, and has then changed nothing; errno stays as it is.
 *
 *     reserve          commit           touch            purge           decommit
 *     addresses  --->  may be   --->    resident  --->   not     --->    addresses
 *     only             touched          page             resident        only
 *
 * A page that was just committed, or purged, reads as zeros. Sizes and addresses are multiples of the page.
 */
#ifndef QUIRE_OS_H
#define QUIRE_OS_H

#include "base/base.h"

size_t os_page_bytes(void);

/* Addresses for one heap: no memory stands behind them yet. */
int os_reserve(size_t size_bytes, size_t alignment_bytes, char **address);
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

/* One byte a page, its lowest bit set if the page is resident. */
int os_resident(char *address, size_t size_bytes, unsigned char *pages);

#endif
