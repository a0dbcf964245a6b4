/* A service's C library: it maps memory in children, has a mutex around forks, and a thread that forks. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
enum { PIECES = 300, BYTES = 8192 };
static char *pieces[PIECES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int forks, failed, is_over;
static void map(void)
{
    for (int i = 0; i < PIECES; i++) {
        pieces[i] = mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(pieces[i], 0x5a, BYTES);
        mprotect(pieces[i], BYTES / 2, PROT_READ | PROT_WRITE);
    }
}
int lost(void)
{
    int count = 0;
    for (int i = 0; i < PIECES; i++)
        for (int j = 0; j < BYTES; j++) count += pieces[i] != 0 && pieces[i][j] != 0x5a;
    return count;
}
void map_in_children(void) { pthread_atfork(0, 0, map); }
static void lock(void) { pthread_mutex_lock(&mutex); }
static void unlock(void) { pthread_mutex_unlock(&mutex); }
void lock_around_forks(void) { pthread_atfork(lock, unlock, unlock); }
void lock_a_while(void) { lock(); usleep(100); unlock(); }
static void *fork_on(void *nothing)
{
    while (!is_over) {
        int status;
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        waitpid(pid, &status, 0);
        failed += status != 0;
        forks++;
        usleep(1000);
    }
    return nothing;
}
static pthread_t thread;
void begin(void) { pthread_create(&thread, 0, fork_on, 0); }
int end(void) { is_over = 1; pthread_join(thread, 0); return failed ? -1 : forks; }
