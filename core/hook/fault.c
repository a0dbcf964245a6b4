/* What is said when a rule is broken at a guarded block, and how the process ends then.
 *
 *     a fault in the region   -->  tell, put the handler before us back, return: the instruction faults again, and the
 *                                  process ends as it would have without us, with a core where it stands
 *     a fault elsewhere       -->  the handler before us, as if we were not there
 *     a wrong free            -->  tell, abort
 *
 * Who installs a handler after us comes before us, and may hand the fault on without its address (faulthandler does,
 * and pytest switches that on). So once, we come before them again:
 *
 *     before us  <--  on_fault  <--  after us  <--  on_fault_again
 *
 * Two functions, so that a handler that is taken away again puts the first in place, which then knows what is before it.
 *
 * Nothing here allocates, and little stands on the stack. Only SIGSEGV is watched: on Linux it is what touching an
 * inaccessible page gives.
 */
#include "hook/guarding.h"

#include "hook/frames.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static struct sigaction before_us;
static struct sigaction after_us;
static bool came_again;

/* --- words --- */

/* What is to be told: "quire: NAME: ACCESS 3 bytes past the end of a block of 40 bytesREMARK". */
struct finding {
    const char *name;
    const char *access;
    const struct guard_slot *slot; /* NULL: there is no block near the address */
    const char *address;
    bool is_whole; /* the access is of the block as a whole */
    const char *remark;
};

static void
write_all(const char *bytes, size_t size_bytes)
{
    while (size_bytes != 0) {
        ssize_t written = write(STDERR_FILENO, bytes, size_bytes);
        if (written > 0) {
            bytes += written;
            size_bytes -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            return; /* nobody is left to be told */
        }
    }
}

static void
add_bytes(struct text *text, size_t count)
{
    text_add_number(text, count);
    text_add(text, count == 1 ? " byte" : " bytes");
}

static void
add_distance(struct text *text, const struct guard_slot *slot, const char *address)
{
    const char *end = slot->address + slot->size_bytes;
    if (address < slot->address) {
        add_bytes(text, (size_t)(slot->address - address));
        text_add(text, " before");
    } else if (address >= end) {
        add_bytes(text, (size_t)(address - end) + 1);
        text_add(text, " past the end of");
    } else {
        text_add(text, "at byte ");
        text_add_number(text, (size_t)(address - slot->address));
        text_add(text, " of");
    }
}

static void
add_place(struct text *text, const struct finding *finding)
{
    const struct guard_slot *slot = finding->slot;
    if (slot == NULL) {
        text_add(text, "at ");
        text_add_address(text, finding->address);
        text_add(text, ", where no block was\n");
        return;
    }
    if (finding->is_whole) {
        text_add(text, "of");
    } else {
        add_distance(text, slot, finding->address);
    }
    text_add(text, slot->state == GUARD_ALLOCATED ? " a block of " : " a freed block of ");
    add_bytes(text, slot->size_bytes);
    text_add(text, finding->remark);
    text_add(text, "\n");
}

static const char *
name_of(const struct guard_slot *slot, const char *address)
{
    if (slot->state != GUARD_ALLOCATED) {
        return "use after free";
    }
    return address < slot->address ? "underflow" : "overflow";
}

static void
add_note(struct text *text, const char *what, const char *written)
{
    if (written[0] != '\0') {
        text_add(text, what);
        text_add(text, written);
    }
}

static void
add_history(struct text *text, const struct guard_slot *slot)
{
    if (slot == NULL) {
        return;
    }
    text_add(text, "the block at ");
    text_add_address(text, slot->address);
    text_add(text, ", stacks with the most recent call first\n");
    add_note(text, "allocated by ", slot->allocated_note);
    add_note(text, "freed by ", slot->freed_note);
}

/* The stack of the thread that is found out, after everything else is said: reading it may be the last thing we do. */
static void
tell_stack(void)
{
    static char buffer[GUARD_NOTE_BYTES];
    struct text text = text_begin(buffer, sizeof buffer);
    text_add(&text, "now in thread ");
    text_add_number(&text, (uint64_t)syscall(SYS_gettid));
    text_add(&text, ":\n");
    frames_write(frames_own_thread(), &text);
    write_all(buffer, (size_t)(text.at - buffer));
}

static void
tell(const struct finding *finding)
{
    static char buffer[2 * GUARD_NOTE_BYTES + 512];
    struct text text = text_begin(buffer, sizeof buffer);
    text_add(&text, "quire: ");
    text_add(&text, finding->name);
    text_add(&text, ": ");
    text_add(&text, finding->access);
    text_add(&text, " ");
    add_place(&text, finding);
    add_history(&text, finding->slot);
    write_all(buffer, (size_t)(text.at - buffer));
    tell_stack();
}

/* Whether this thread is to tell: once in a process. Others that fault meanwhile wait for its end, as it should come
 * soon. What comes of a fault after it is told is for the handlers before us. */
static bool
may_tell(void)
{
    enum { END_SECONDS_MAX = 5 };
    static atomic_long teller;
    long none = 0, own = syscall(SYS_gettid);
    if (atomic_compare_exchange_strong(&teller, &none, own)) {
        return true;
    }
    if (none != own) {
        sleep(END_SECONDS_MAX);
    }
    return false;
}

/* --- wrong frees --- */

static struct finding
find_wrong_free(const struct guard_slot *slot, const char *address, bool is_realloc)
{
    struct finding finding = {
        .name = "invalid free",
        .access = is_realloc ? "a realloc" : "a free",
        .slot = slot,
        .address = address,
        .remark = "",
    };
    if (slot == NULL || slot->address != address) {
        return finding;
    }
    if (slot->state != GUARD_ALLOCATED) {
        finding.name = is_realloc ? "use after free" : "double free";
        finding.is_whole = true;
        return finding;
    }
    ptrdiff_t damage = guard_damage(guarding.guard, slot);
    finding.address = damage < 0 ? address + damage : address + slot->size_bytes + damage - 1;
    finding.name = name_of(slot, finding.address);
    finding.access = "a write";
    finding.remark = ", found when it was given back";
    return finding;
}

_Noreturn void
fault_end(const void *address, bool is_realloc)
{
    if (may_tell()) {
        struct finding finding = find_wrong_free(guard_slot_of(guarding.guard, address), address, is_realloc);
        tell(&finding);
    }
    abort();
}

/* --- faults --- */

static const char *
access_of(const void *context)
{
#ifdef __x86_64__
    enum { WRITE_FAULT = 2 };
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & WRITE_FAULT ? "a write" : "a read";
#else
    (void)context;
    return "an access";
#endif
}

/* As the kernel would have called it: a handler for one time is taken away first, a fault is never ignored. */
static void
hand_on(const struct sigaction *action, int number, siginfo_t *info, void *context)
{
    static const struct sigaction standard = {.sa_handler = SIG_DFL};
    bool is_sent = info->si_code <= 0;
    if (action->sa_handler == SIG_DFL || (action->sa_handler == SIG_IGN && !is_sent)) {
        sigaction(number, &standard, NULL);
        if (is_sent) {
            raise(number); /* a fault comes again by itself */
        }
        return;
    }
    if (action->sa_handler == SIG_IGN) {
        return;
    }
    if (action->sa_flags & SA_RESETHAND) {
        sigaction(number, &standard, NULL);
    }
    if (action->sa_flags & SA_SIGINFO) {
        action->sa_sigaction(number, info, context);
    } else {
        action->sa_handler(number);
    }
}

static void
handle(const struct sigaction *next, int number, siginfo_t *info, void *context)
{
    if (info->si_code <= 0 || !guard_owns(guarding.guard, info->si_addr) || !may_tell()) {
        hand_on(next, number, info, context);
        return;
    }
    const struct guard_slot *slot = guard_slot_of(guarding.guard, info->si_addr);
    struct finding finding = {
        .name = slot == NULL ? "wild access" : name_of(slot, info->si_addr),
        .access = access_of(context),
        .slot = slot,
        .address = info->si_addr,
        .remark = "",
    };
    tell(&finding);
    sigaction(number, next, NULL);
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
    handle(&before_us, number, info, context);
}

static void
on_fault_again(int number, siginfo_t *info, void *context)
{
    handle(&after_us, number, info, context);
}

/* --- being told --- */

static bool
is_handled_by(const struct sigaction *action, void (*handler)(int, siginfo_t *, void *))
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handler;
}

static void
come_before(const struct sigaction *other, struct sigaction *kept, void (*handler)(int, siginfo_t *, void *))
{
    *kept = *other;
    struct sigaction ours = {
        .sa_sigaction = handler,
        .sa_mask = other->sa_mask,
        .sa_flags = SA_SIGINFO | SA_ONSTACK | (other->sa_flags & (SA_NODEFER | SA_RESTART)),
    };
    sigaction(SIGSEGV, &ours, NULL);
}

/* The stack that a signal is handled on, where nobody has given this thread one. */
static void
give_stack(void)
{
    static _Alignas(16) char stack[64 * KIB];
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE)) {
        stack_t ours = {.ss_sp = stack, .ss_size = sizeof stack};
        sigaltstack(&ours, NULL);
    }
}

void
fault_watch(void)
{
    static bool came;
    struct sigaction now;
    if (sigaction(SIGSEGV, NULL, &now) != 0) {
        return;
    }
    if (!came) {
        came = true;
        give_stack();
        come_before(&now, &before_us, on_fault);
    } else if (is_handled_by(&now, on_fault)) {
        came_again = false; /* whoever came after us has gone */
    } else if (!is_handled_by(&now, on_fault_again) && !came_again) {
        came_again = true;
        come_before(&now, &after_us, on_fault_again);
    }
}
