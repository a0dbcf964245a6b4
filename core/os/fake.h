/* What a test may ask of fake.c. */
#ifndef QUIRE_OS_FAKE_H
#define QUIRE_OS_FAKE_H

#include "os/os.h"

/* Refuse the nth call from now (1 is the next) that can be refused, with ENOMEM; 0 refuses none.
 * With for_good, every later one is refused too. */
void fake_refuse(size_t nth, bool for_good);

/* How many calls that can be refused were made so far. */
size_t fake_calls(void);

/* How many calls of a kind were refused since this was asked last. */
enum fake_call {
    FAKE_RESERVE,
    FAKE_COMMIT,
    FAKE_DECOMMIT,
    FAKE_PURGE,
    FAKE_MAP,
    FAKE_REMAP,
    FAKE_SHARE,
    FAKE_KEEP,
    FAKE_POPULATE,
    FAKE_SHOW,
    FAKE_RENEW,
    FAKE_RENEW_FROM,
    FAKE_RELEASE,
    FAKE_CALLS
};
unsigned fake_take_refused(enum fake_call call);

/* How many were granted before the first of them; to be asked before. */
unsigned fake_granted_first(enum fake_call call);

/* Pretend that pages have another size; while nothing is held. */
void fake_set_page_bytes(size_t page_bytes);

/* Bytes obtained and not given back: committed in ranges, where they show no home, in mappings, and in homes. */
size_t fake_held_bytes(void);

/* Of those, the bytes of resident pages: a page is resident while a byte of it is not zero. */
size_t fake_resident_bytes(void);

#endif
