/* ring.c - the calling thread in the page: its process, its ring.
**
** A ring is claimed when a thread writes its first record and given back when the thread ends; what it holds
** stays readable, and a thread that claims it later goes on behind it; free rings with room are taken first. When
** no ring is free, one whose owner's process is dead is taken over. A process is alive while /proc shows its pid with the same time of birth.
**
** The writer keeps its head in the thread and reads the tail only when the ring looks full. A tail that makes
** no sense counts as the head: then the ring is empty. */
#include "ext/probe/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RING_WAIT = 4096, HOST_BYTES = 128, SERVICE_BYTES = 128 };

__thread PythiaThread pythia_thread __attribute__((tls_model("initial-exec")));

static pthread_key_t exit_key;
static int has_exit_key;
static int forked;              /* the child of a fork: claims a place of its own */
static uint32_t process_number; /* plus 1; 0: not claimed */
static char process_service[SERVICE_BYTES];

/* ------------------------------------------------------------------ processes */

uint64_t pythia_process_started(uint32_t pid) {
    char path[32], text[512];
    char digits[12];
    int n = 0, fd;
    ssize_t length;
    do
        digits[n++] = (char)('0' + pid % 10);
    while ((pid /= 10) && n < 11);
    char *p = path;
    memcpy(p, "/proc/", 6);
    p += 6;
    while (n)
        *p++ = digits[--n];
    memcpy(p, "/stat", 6);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return 0;
    text[length] = 0;
    /* The name, in parentheses, may contain anything; field 3 follows the last one. */
    char *field = strrchr(text, ')');
    if (!field || (field[1] && (field[2] == 'Z' || field[2] == 'X'))) return 0;
    for (int i = 2; i < 22 && field; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field + 1, NULL, 10) : 0;
}

static int process_alive(uint64_t owner) {
    uint64_t started = pythia_process_started((uint32_t)owner);
    return started && (uint32_t)started == (uint32_t)(owner >> 32);
}

static void process_fill(PythiaPageProcess *process, uint64_t started) {
    const PythiaPage *page = &pythia_probe_mapped;
    char host[HOST_BYTES] = "";
    if (gethostname(host, sizeof host - 1)) host[0] = 0;
    PYTHIA_SET(&process->started, started);
    PYTHIA_SET(&process->host, pythia_page_intern(page, host, strlen(host)));
    PYTHIA_RELEASE(&process->service,
                   pythia_page_intern(page, process_service, strlen(process_service)));
}

/* Claims a place for this process; 0 when there is none. */
static uint32_t process_claim(void) {
    const PythiaPage *page = &pythia_probe_mapped;
    uint32_t known = PYTHIA_ACQUIRE(&process_number);
    uint32_t pid = (uint32_t)getpid();
    if (known) return known;
    uint64_t started = pythia_process_started(pid), mine = pid | started << 32;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < page->geometry.nprocesses; i++) {
            PythiaPageProcess *process = pythia_page_process(page, i);
            uint64_t owner = PYTHIA_ACQUIRE(&process->owner);
            if (pass == 0 ? owner != 0 : process_alive(owner)) continue;
            if (!PYTHIA_SWAP(&process->owner, &owner, mine)) continue;
            process_fill(process, started);
            /* Two threads may have claimed one each: the first counts, the other is given back. */
            if (PYTHIA_SWAP(&process_number, &known, i + 1)) return i + 1;
            PYTHIA_RELEASE(&process->owner, 0);
            return known;
        }
    return 0;
}

void pythia_process_forget(const char *service) {
    if (service) strncpy(process_service, service, sizeof process_service - 1);
    PYTHIA_RELEASE(&process_number, 0);
}

/* ------------------------------------------------------------------ threads and processes that end or begin */

static void thread_exit(void *pointer) {
    PythiaThread *thread = &pythia_thread;
    PythiaPageRing *ring = pointer;
    thread->ring = NULL;
    PYTHIA_RELEASE(&ring->owner, 0);
}

static void fork_child(void) {
    PythiaThread *thread = &pythia_thread;
    if (thread->ring) pthread_setspecific(exit_key, NULL);
    thread->ring = NULL;
    thread->busy = thread->ring_wait = 0;
    thread->random = 0;
    forked = 1;
    pythia_clock_forked();
    pythia_process_forget(NULL);
}

__attribute__((constructor)) static void ring_init(void) {
    has_exit_key = pthread_key_create(&exit_key, thread_exit) == 0;
    pthread_atfork(NULL, NULL, fork_child);
}

/* ------------------------------------------------------------------ random numbers */

/* SplitMix64 (Steele, Lea and Flood, 2014), seeded by the system for every thread. Never 0. */
uint64_t pythia_thread_random(PythiaThread *thread) {
    if (!thread->random && getrandom(&thread->random, sizeof thread->random, GRND_NONBLOCK) !=
                               (ssize_t)sizeof thread->random)
        thread->random = (uint64_t)pythia_clock() ^ (uint64_t)(uintptr_t)thread;
    uint64_t z = thread->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return z ? z : 1;
}

/* ------------------------------------------------------------------ rings */

static int ring_dead(uint64_t owner) {
    const PythiaPage *page = &pythia_probe_mapped;
    uint32_t number = (uint32_t)owner - 1;
    if (number >= page->geometry.nprocesses) return 1;
    return !process_alive(PYTHIA_ACQUIRE(&pythia_page_process(page, number)->owner));
}

/* Whether a ring is one to be claimed: in the first pass free and at most half full, then free, then that of
** a process that is dead. */
static int ring_wanted(const PythiaPageRing *ring, uint64_t owner, int pass) {
    uint64_t used = PYTHIA_GET(&ring->head) - PYTHIA_GET(&ring->tail);
    if (pass == 2) return owner && ring_dead(owner);
    return !owner && (pass == 1 || used <= pythia_probe_mapped.geometry.ring_bytes / 2);
}

static void ring_take(PythiaThread *thread, PythiaPageRing *ring, uint32_t process) {
    thread->process = process - 1;
    thread->head = PYTHIA_ACQUIRE(&ring->head) & ~(uint64_t)7;
    thread->tail = PYTHIA_ACQUIRE(&ring->tail);
    thread->words = pythia_page_words(&pythia_probe_mapped, ring);
    thread->ring = ring;
    pythia_cells_mend(ring);
    PYTHIA_RELEASE(&ring->used, 1);
    if (has_exit_key) pthread_setspecific(exit_key, ring);
}

static int ring_claim(PythiaThread *thread) {
    const PythiaPage *page = &pythia_probe_mapped;
    uint32_t process = process_claim();
    uint64_t mine = process | (uint64_t)(uint32_t)syscall(SYS_gettid) << 32;
    for (int pass = 0; process && pass < 3; pass++)
        for (uint32_t i = 0; i < page->geometry.nrings; i++) {
            PythiaPageRing *ring = pythia_page_ring(page, i);
            uint64_t owner = PYTHIA_ACQUIRE(&ring->owner);
            if (!ring_wanted(ring, owner, pass)) continue;
            if (!PYTHIA_SWAP(&ring->owner, &owner, mine)) continue;
            ring_take(thread, ring, process);
            return 1;
        }
    thread->ring_wait = RING_WAIT;
    return 0;
}

int pythia_ring_claim(PythiaThread *thread) {
    if (thread->ring_wait > 0 && thread->ring_wait--) return 0;
    return ring_claim(thread);
}

/* Looks at the tail, and moves it when the page overwrites. */
int pythia_ring_full(PythiaThread *thread, uint64_t bytes) {
    const PythiaPage *page = &pythia_probe_mapped;
    PythiaPageRing *ring = thread->ring;
    uint64_t size = page->geometry.ring_bytes, head = thread->head;
    uint64_t tail = PYTHIA_ACQUIRE(&ring->tail);
    for (;;) {
        if (tail > head || head - tail > size || tail % 8) tail = head;
        thread->tail = tail;
        if (head + bytes - tail <= size) return 1;
        if (!(page->geometry.flags & PYTHIA_PAGE_OVERWRITE)) return 0;
        uint64_t n = PYTHIA_GET(&thread->words[(tail & (size - 1)) / 8]) & 0xffff;
        uint64_t next = n < PYTHIA_RECORD_WORDS || n * 8 > head - tail ? head : tail + n * 8;
        if (!PYTHIA_SWAP(&ring->tail, &tail, next)) continue;
        PYTHIA_SET(&ring->lost, PYTHIA_GET(&ring->lost) + 1);
        tail = next;
    }
}

void pythia_ring_wrap(PythiaThread *thread, const uint64_t *words, unsigned n) {
    uint64_t mask = pythia_probe_mapped.geometry.ring_bytes / 8 - 1, at = thread->head / 8;
    for (unsigned i = 0; i < n; i++)
        thread->words[(at + i) & mask] = words[i];
}
