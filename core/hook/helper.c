/* The helper: a thread that calls one Python function now and then, while there is something to do.
 *
 *     absent --(a slow path, or the collector)--> alive --(the function returns None, or it is to stop)--> ended
 *     ended --(joined)--> absent
 *
 *     wait; take the interpreter lock; seconds = tick(); release it; wait for so long ...
 *
 * It is a thread of C, so it is in none of Python's lists of threads, no signal arrives at it, and nobody's finalizers
 * run in it: while the function runs the collector is held. It has a thread state only for a tick: several states in an
 * interpreter mean something to CPython and to programs. The function must run no code of the program's and wait for
 * nothing that the program may hold while it forks.
 *
 * os.fork warns where the process has another thread. So before a fork the helper is joined, and none is started until
 * the fork is done: in a function given to os.register_at_fork, for in those of pthread_atfork CPython holds locks that
 * ending a thread state needs (3.13 and later wait for ever). The interpreter lock is released meanwhile, so several
 * threads may be about to fork. A C library's own fork is not announced: its child has no helper, and starts one when
 * there is reason to.
 *
 * Callers: the heap's slow paths, module/. Locking: the mutex, whose holder never waits for the interpreter lock.
 */
#include "heap/structs.h"
#include "hook/beside.h"
#include "hook/collector.h"
#include "hook/service.h"
#include "hook/teller.h"
#include "os/mappings.h"

#include <errno.h>
#include <math.h>
#include <time.h>

enum { STACK_BYTES = 1 << 20, STOP_SECONDS_MAX = 5 };
static const double START_INTERVAL_SECONDS = 1;
static const double FIRST_TICK_SECONDS = 0.25;
static const double AFTER_FORK_SECONDS = 0.25;
static const double WITHOUT_MEMORY_SECONDS = 1;

enum life { ABSENT, ALIVE, ENDED };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* is_stopping or life */
    pthread_t thread;
    pid_t number; /* the kernel's, of the thread */
    enum life life;
    bool is_stopping;
    bool is_waiting; /* for its next tick: told to stop, it ends without the interpreter lock */
    bool is_cut_short; /* by a fork: it had more to do */
    bool has_rested;   /* memory has, since a tick asked last */
    bool has_walked;   /* the collector has, since a helper lived last */
    int refusal;       /* why there is none; 0: nothing has kept it */
    unsigned forks;    /* under way */
    double next_start; /* by memory that rests: not to be started before */
    double after_fork; /* nor by anything before this */
    PyObject *tick;    /* NULL: not begun, or over */
    size_t libc_free_bytes_min; /* SIZE_MAX: libc is not to be trimmed */
    size_t libc_free_bytes_max;
    struct libc_trim libc_trim;
    bool has_trimmed;
    bool is_to_count; /* mappings */
    bool has_counted;
    struct hook_mappings mappings;
} helper = {.mutex = PTHREAD_MUTEX_INITIALIZER, .libc_free_bytes_min = SIZE_MAX};

/* --- in the thread --- */

/* Wait for the condition until the time; whether it is not yet that late. The mutex is held. */
static bool
wait_for_change(double until)
{
    struct timespec time = {(time_t)until, (long)((until - floor(until)) * 1e9)};
    return pthread_cond_timedwait(&helper.changed, &helper.mutex, &time) != ETIMEDOUT;
}

/* Whether there is another tick. */
static bool
wait_for_tick(double seconds)
{
    double due = beside_seconds(CLOCK_MONOTONIC) + seconds;
    pthread_mutex_lock(&helper.mutex);
    helper.is_waiting = true;
    while (!helper.is_stopping && wait_for_change(due)) {
    }
    bool goes_on = !helper.is_stopping;
    helper.is_waiting = !goes_on;
    pthread_mutex_unlock(&helper.mutex);
    return goes_on;
}

/* With the interpreter lock, for which it may have waited long. */
static bool
is_wanted(void)
{
    pthread_mutex_lock(&helper.mutex);
    bool wanted = !helper.is_stopping && helper.tick != NULL;
    pthread_mutex_unlock(&helper.mutex);
    return wanted;
}

/* What the function answered, or raised. There may be no memory left at all to call it with: then it is called again a
 * little later. */
static double
seconds_of(PyObject *answer)
{
    double seconds = answer == NULL || answer == Py_None ? -1 : PyFloat_AsDouble(answer);
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        return WITHOUT_MEMORY_SECONDS;
    }
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(helper.tick);
        return -1;
    }
    return seconds;
}

/* How long to wait for the next tick; below 0: there is none. The collector would run finalizers of the program's here,
 * which may expect another thread. */
static double
call_tick(void)
{
    if (!is_wanted()) {
        return -1;
    }
    collector_hold();
    PyObject *answer = PyObject_CallNoArgs(helper.tick);
    double seconds = seconds_of(answer);
    Py_XDECREF(answer);
    collector_let_go();
    return seconds;
}

static double
tick(void)
{
    PyThreadState *state = beside_enter();
    if (state == NULL) {
        return WITHOUT_MEMORY_SECONDS;
    }
    PyThreadState_EnterTracing(state); /* what sys.monitoring calls would be code of the program's */
    double seconds = call_tick();
    PyThreadState_LeaveTracing(state);
    beside_leave(state);
    return seconds;
}

/* --- what a tick has asked for, without the interpreter lock --- */

static void
trim_libc(void)
{
    if (helper.libc_free_bytes_min != SIZE_MAX) {
        helper.has_trimmed = hook_trim_libc(helper.libc_free_bytes_min, helper.libc_free_bytes_max, &helper.libc_trim);
        helper.libc_free_bytes_min = SIZE_MAX;
    }
}

static bool
is_stopping(void)
{
    pthread_mutex_lock(&helper.mutex);
    bool stopping = helper.is_stopping;
    pthread_mutex_unlock(&helper.mutex);
    return stopping;
}

/* A fork waits for no more than a piece of it. */
static void
count_mappings(void)
{
    if (helper.is_to_count) {
        struct hook_mappings mappings;
        bool is_whole = hook_count_mappings(is_stopping, &mappings);
        pthread_mutex_lock(&helper.mutex);
        helper.mappings = mappings;
        helper.has_counted = is_whole;
        helper.is_to_count = false;
        pthread_mutex_unlock(&helper.mutex);
    }
}

static void
tick_until_done(void)
{
    double seconds = FIRST_TICK_SECONDS;
    while (seconds >= 0 && wait_for_tick(seconds)) {
        seconds = tick();
        count_mappings();
        trim_libc();
    }
}

static void *
live(void *Py_UNUSED(nothing))
{
    pid_t number = beside_begin();
    pthread_mutex_lock(&helper.mutex);
    helper.number = number;
    pthread_mutex_unlock(&helper.mutex);
    tick_until_done();
    pthread_mutex_lock(&helper.mutex);
    helper.life = ENDED;
    pthread_cond_broadcast(&helper.changed);
    pthread_mutex_unlock(&helper.mutex);
    return NULL;
}

/* --- starting --- */

static int
create_thread(void)
{
    sigset_t blocked;
    beside_block_signals(&blocked);
    return beside_start(&(struct beside){live, NULL, &blocked, STACK_BYTES, false}, &helper.thread);
}

/* The mutex is held. */
static void
start(void)
{
    if (helper.life == ENDED && pthread_tryjoin_np(helper.thread, NULL) == 0) {
        helper.life = ABSENT;
    }
    if (helper.life != ABSENT || helper.tick == NULL || helper.forks != 0) {
        return;
    }
    helper.next_start = beside_seconds(CLOCK_MONOTONIC_COARSE) + START_INTERVAL_SECONDS;
    helper.is_stopping = false;
    helper.is_waiting = true; /* at first */
    helper.number = 0;
    helper.refusal = create_thread();
    if (helper.refusal == 0) {
        helper.life = ALIVE;
        helper.is_cut_short = helper.has_walked = false;
    }
}

/* From within a free, which changes no errno. */
static void
wake(double not_before)
{
    int saved = errno;
    pthread_mutex_lock(&helper.mutex);
    if (helper.life != ALIVE && beside_seconds(CLOCK_MONOTONIC_COARSE) >= fmax(not_before, helper.after_fork)) {
        start();
    }
    if (helper.life != ALIVE && (helper.is_cut_short || helper.has_walked) && helper.refusal == 0) {
        heap_notice_next_rest(service.heap);
    }
    pthread_mutex_unlock(&helper.mutex);
    errno = saved;
}

static void
note_rest(void)
{
    helper.has_rested = true;
    wake(helper.next_start);
}

void
hook_note_walk(void)
{
    if (helper.tick != NULL && hook_heap() != NULL && service.heap->totals.shared_bytes != 0) {
        helper.has_walked = true;
        wake(0);
    }
}

bool
hook_take_rest(void)
{
    bool has_rested = helper.has_rested;
    helper.has_rested = false;
    return has_rested;
}

bool
hook_helper_is_alive(void)
{
    return helper.life == ALIVE;
}

int
hook_helper_refusal(void)
{
    return helper.refusal;
}

/* --- stopping --- */

/* The interpreter lock is not held, for the helper needs it to end. Who holds that for ever is not waited for. */
static void
stop(void)
{
    double patience = beside_seconds(CLOCK_MONOTONIC) + STOP_SECONDS_MAX;
    pthread_mutex_lock(&helper.mutex);
    helper.is_stopping = true;
    pthread_cond_broadcast(&helper.changed);
    while (helper.life == ALIVE && wait_for_change(patience)) {
    }
    if (helper.life == ENDED) {
        pthread_join(helper.thread, NULL); /* which has left the mutex for good */
        beside_wait_until_gone(helper.number);
        helper.life = ABSENT;
    }
    pthread_mutex_unlock(&helper.mutex);
}

static bool
is_absent(void)
{
    pthread_mutex_lock(&helper.mutex);
    bool absent = helper.life == ABSENT || pthread_equal(helper.thread, pthread_self());
    pthread_mutex_unlock(&helper.mutex);
    return absent;
}

/* It is told to stop, if it needs no interpreter lock for that. */
static bool
stops_without_lock(void)
{
    pthread_mutex_lock(&helper.mutex);
    bool is_waiting = helper.is_waiting;
    helper.is_stopping |= is_waiting;
    pthread_mutex_unlock(&helper.mutex);
    return is_waiting;
}

/* Mostly it waits for its next tick. Then the interpreter lock is kept: who forks at once, in a thread that has just been
 * started, counts on it that nobody else runs meanwhile. */
static void
stop_with_lock(void)
{
    if (is_absent()) {
        return;
    }
    if (stops_without_lock()) {
        stop();
    } else {
        Py_BEGIN_ALLOW_THREADS
        stop();
        Py_END_ALLOW_THREADS
    }
}

static void
count_forks(int more)
{
    pthread_mutex_lock(&helper.mutex);
    helper.forks = more < 0 && helper.forks == 0 ? 0 : helper.forks + (unsigned)more;
    pthread_mutex_unlock(&helper.mutex);
}

void
hook_helper_before_fork(void)
{
    count_forks(1);
    if (hook_helper_is_alive()) {
        helper.is_cut_short = true;
        heap_notice_next_rest(service.heap);
    }
    stop_with_lock();
    hook_wait_for_teller(false);
}

/* What was cut short goes on with the next memory that comes to rest, but not at once: the functions that follow run
 * Python, and os.fork counts the threads after them. */
void
hook_helper_after_fork_in_parent(void)
{
    count_forks(-1);
    helper.next_start = helper.after_fork = beside_seconds(CLOCK_MONOTONIC_COARSE) + AFTER_FORK_SECONDS;
}

void
hook_helper_after_fork_in_child(void)
{
    helper.forks = 0;
}

/* --- beginning and end --- */

static void
make_locks(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&helper.mutex, NULL);
    pthread_cond_init(&helper.changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Only who forked lives on; whoever had the mutex does not. The forks under way are counted until Python is whole. */
static void
forget_thread(void)
{
    make_locks();
    collector_let_go_in_child();
    teller_forget();
    helper.life = ABSENT;
}

int
hook_helper_begin(PyObject *new_tick, size_t notice_bytes)
{
    static bool is_made;
    if (!is_made) {
        make_locks();
        int error = pthread_atfork(NULL, NULL, forget_thread);
        if (error != 0) {
            return error;
        }
        is_made = true;
    }
    hook_note_filters();
    Py_XSETREF(helper.tick, Py_NewRef(new_tick));
    heap_notice_rest(service.heap, notice_bytes, note_rest);
    return 0;
}

void
hook_helper_end(void)
{
    PyObject *last_tick = helper.tick;
    helper.tick = NULL;
    if (last_tick == NULL) {
        return;
    }
    stop_with_lock();
    if (is_absent()) {
        Py_DECREF(last_tick);
    }
}

/* --- what a tick asks for --- */

void
hook_trim_libc_soon(size_t free_bytes_min, size_t free_bytes_max)
{
    helper.libc_free_bytes_min = free_bytes_min;
    helper.libc_free_bytes_max = free_bytes_max;
}

bool
hook_trimmed_libc(struct libc_trim *trim)
{
    bool has_trimmed = helper.has_trimmed;
    *trim = helper.libc_trim;
    helper.has_trimmed = false;
    return has_trimmed;
}

void
hook_count_mappings_soon(void)
{
    pthread_mutex_lock(&helper.mutex);
    helper.is_to_count = true;
    helper.has_counted = false;
    pthread_mutex_unlock(&helper.mutex);
}

bool
hook_counted_mappings(struct hook_mappings *mappings)
{
    pthread_mutex_lock(&helper.mutex);
    bool has_counted = helper.has_counted;
    *mappings = helper.mappings;
    helper.has_counted = false;
    pthread_mutex_unlock(&helper.mutex);
    return has_counted;
}
