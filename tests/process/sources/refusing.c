/* A system without memory for fork handlers: preloaded, it stands before glibc's function behind pthread_atfork. */
#include <errno.h>

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library);

int
__register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library)
{
    (void)prepare, (void)parent, (void)child, (void)library;
    return ENOMEM;
}
