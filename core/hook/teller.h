/* The teller; see teller.c. */
#ifndef QUIRE_HOOK_TELLER_H
#define QUIRE_HOOK_TELLER_H

#include "hook/hook.h"

/* In a forked child. */
void teller_forget(void);

#endif
