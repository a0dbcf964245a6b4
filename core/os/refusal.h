/* How a refused call is told. Callers: linux.c, mappings.c. */
#ifndef QUIRE_OS_REFUSAL_H
#define QUIRE_OS_REFUSAL_H

#include <errno.h>

/* The error of a call that was refused. errno is as it was before: who frees memory may be about to read it. */
static inline int
refusal(int saved)
{
    int error = errno;
    errno = saved;
    return error;
}

#endif
