/* The teller; see teller.c. */
#ifndef QUIRE_HOOK_TELLER_H
#define QUIRE_HOOK_TELLER_H

#include "hook/hook.h"

#include <signal.h>

/* The signals that are not delivered to it: as in the program's thread that asks. */
void teller_note_signals(const sigset_t *blocked);

/* In a forked child. */
void teller_forget(void);

#endif
