/* page.h - a mapped control page: making, checking, finding and claiming in it.
**
** For both sides, programs and sessions: no SQLite, no allocation, nothing but system calls and atomic
** operations, so that programs may call it anywhere. The geometry is copied out of the header and checked
** once; all later accesses use the copy, and every number read from the page is bounded before use. Sizes
** are checked against the file when it is mapped; a file that is truncated while it is mapped kills whoever
** touches it (SIGBUS), as with every mapped file: only its owner can do that. */
#ifndef PYTHIA_PROBE_PAGE_H
#define PYTHIA_PROBE_PAGE_H

#include "ext/probe/layout.h"

#include <stddef.h>

typedef struct PythiaPage {
    unsigned char *base; /* NULL: not open */
    size_t bytes;
    int fd;
    PythiaPageHeader geometry; /* checked */
    uint64_t device, inode;    /* of the file */
} PythiaPage;

/* How to make a page that does not exist. 0: the default. */
typedef struct PythiaPageMake {
    uint32_t slots, rings, ring_bytes, flags, cells;
} PythiaPageMake;

/* Maps the page, made if there is none and make is not NULL. 0 or an errno value: ENOENT, EBADMSG (not a page
** of this version, or its numbers contradict each other), EPERM (not this user's alone), and what the system
** says. */
int pythia_page_open(PythiaPage *page, const char *path, const PythiaPageMake *make);
void pythia_page_close(PythiaPage *page);

/* Takes the lock on a byte for this open file: 0, EAGAIN when another one has it. Closing releases it. */
int pythia_page_lock(const PythiaPage *page, int byte);
void pythia_page_unlock(const PythiaPage *page, int byte);

uint64_t pythia_page_hash(const char *text, size_t n);

/* The text of an offset: its length, or -1 where there is none. The bytes lie in the page: they may change. */
int pythia_page_text(const PythiaPage *page, uint32_t ref, const char **text);
/* The offset of a text, which is added: 0 when there is no room, or it is longer than 1000 bytes. */
enum { PYTHIA_PAGE_TEXT_BYTES = 1000 };
uint32_t pythia_page_intern(const PythiaPage *page, const char *text, size_t n);
/* The same without adding. */
uint32_t pythia_page_find(const PythiaPage *page, const char *text, size_t n);

/* The slot of a name, claimed if there is none; PYTHIA_NO_SLOT when there is no room. *fresh (may be NULL): it
** was claimed by this call. */
uint32_t pythia_page_slot_claim(const PythiaPage *page, const char *name, size_t n, int *fresh);
uint32_t pythia_page_slot_find(const PythiaPage *page, const char *name, size_t n);
/* The number of a request type, claimed if there is none; PYTHIA_TYPE_OTHER when there is no room. */
uint32_t pythia_page_type_claim(const PythiaPage *page, const char *name, size_t n);

static inline PythiaPageHeader *pythia_page_header(const PythiaPage *page) {
    return (PythiaPageHeader *)page->base;
}
static inline PythiaPageSlot *pythia_page_slot(const PythiaPage *page, uint32_t i) {
    return (PythiaPageSlot *)(page->base + page->geometry.slots_at) + i;
}
static inline PythiaPageCounters *pythia_page_counters(const PythiaPage *page, uint32_t i) {
    return (PythiaPageCounters *)(page->base + page->geometry.counters_at) + i;
}
static inline PythiaPageType *pythia_page_types(const PythiaPage *page, uint32_t i) {
    return (PythiaPageType *)(page->base + page->geometry.types_at) + i;
}
static inline PythiaPageProcess *pythia_page_process(const PythiaPage *page, uint32_t i) {
    return (PythiaPageProcess *)(page->base + page->geometry.processes_at) + i;
}
static inline PythiaPageSetting *pythia_page_setting(const PythiaPage *page, uint32_t i) {
    return (PythiaPageSetting *)(page->base + page->geometry.settings_at) + i;
}
static inline PythiaPageRing *pythia_page_ring(const PythiaPage *page, uint32_t i) {
    return (PythiaPageRing *)(page->base + page->geometry.rings_at +
                              (size_t)i * page->geometry.ring_stride);
}
static inline PythiaPageCell *pythia_page_cells(const PythiaPage *page,
                                                const PythiaPageRing *ring) {
    return (PythiaPageCell *)((unsigned char *)(uintptr_t)ring + page->geometry.cells_at);
}
/* The words of a ring. */
static inline uint64_t *pythia_page_words(const PythiaPage *page, const PythiaPageRing *ring) {
    return (uint64_t *)((unsigned char *)(uintptr_t)ring +
                        (page->geometry.ring_stride - page->geometry.ring_bytes));
}

#define PYTHIA_GET(p)        __atomic_load_n(p, __ATOMIC_RELAXED)
#define PYTHIA_SET(p, v)     __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define PYTHIA_ACQUIRE(p)    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define PYTHIA_RELEASE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define PYTHIA_ADD(p, v)     __atomic_fetch_add(p, v, __ATOMIC_RELAXED)
/* Stores `to` where *p is *from; else sets *from to what is there. */
#define PYTHIA_SWAP(p, from, to)                                                                   \
    __atomic_compare_exchange_n(p, from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#endif
