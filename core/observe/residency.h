/* Which of a heap's pages are resident, and what they hold. It writes nothing of the heap. */
#ifndef QUIRE_OBSERVE_RESIDENCY_H
#define QUIRE_OBSERVE_RESIDENCY_H

#include "heap/guard.h"
#include "heap/structs.h"

/* Bytes of resident pages; the parts add up to all that the heap has resident. */
struct residency {
    size_t live_bytes;       /* allocated blocks, runs and mappings, as far as resident */
    size_t free_bytes;       /* the rest of pools that have a live block, and of extents */
    size_t empty_pool_bytes; /* pools that have none, and slots that are no pool yet */
    size_t free_run_bytes;   /* holes between runs, and kept mappings */
    size_t metadata_bytes;   /* tables of slots and units, the heap's own struct, the table of mappings */
};

void residency_measure(struct heap *heap, struct residency *residency);

/* Guarded blocks are live; the rest of their slots' pages counts as a pool's free blocks do. */
void residency_add_guard(struct guard *guard, struct residency *residency);

/* Resident bytes of the whole pages that the piece touches; 0 where nothing is mapped. */
size_t residency_of(char *address, size_t size_bytes);

#endif
