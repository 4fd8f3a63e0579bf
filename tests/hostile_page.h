/* hostile_page.h - a control page that somebody damages while a program and a session use it.
**
** For the fuzz target and the unit test. One process is both: it has trace points, and a connection whose rows
** name the page. A round restores the page, writes what the bytes say into it, and uses it from both sides.
** Nothing is asserted but that nobody crashes, reads outside of the page or never returns: that is the
** sanitizers' business; and that a restored page works.
**
** Bytes: patches of 10 bytes, an offset (24 bits, modulo the size; its high byte chooses the region) and 7
** bytes that go there. */
#ifndef PYTHIA_TESTS_HOSTILE_PAGE_H
#define PYTHIA_TESTS_HOSTILE_PAGE_H

#include "ext/base/sqlite.h"
#include "ext/probe/page.h"
#include "ext/pythia.h"
#include "ext/pythia_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A setting that was in use rests for a while: who writes many of them needs more. There are two for a slot. */
#ifndef HOSTILE_SLOTS
#define HOSTILE_SLOTS 16
#endif

typedef struct Hostile {
    char path[128];
    PythiaPage page;
    unsigned char *image; /* of the page as it is to be restored */
    sqlite3 *db;
} Hostile;

static void hostile_pass(int n) {
    PYTHIA_SPAN_ALWAYS(request, "request");
    PYTHIA_SPAN(span, "part");
    PYTHIA_POINT("part/point", "n", n, "text", "abc", "real", 0.5);
    PYTHIA_POINT("elsewhere", "n", n);
    PYTHIA_SPAN(added, "added");
    PYTHIA_POINT("added/sum", "n", n, "text", n % 2 ? "odd" : "even", "real", n / 3.0);
    PYTHIA_SPAN_END(added, "n", n);
    PYTHIA_SPAN_END(span, "n", n);
    PYTHIA_SPAN_END(request);
}

static void hostile_sql(const Hostile *h, const char *sql) {
    sqlite3_exec(h->db, sql, NULL, NULL, NULL);
}

/* 0 when it cannot be set up. */
static int hostile_open(Hostile *h) {
    memset(h, 0, sizeof *h);
    snprintf(h->path, sizeof h->path, "%s/pythia.hostile.%d",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    PythiaProbeOptions options = {.page = h->path,
                                  .service = "hostile",
                                  .slots = HOSTILE_SLOTS,
                                  .rings = 1,
                                  .ring_bytes = 8192,
                                  .cells = 4};
    if (pythia_probe_start(&options) || pythia_page_open(&h->page, h->path, NULL)) return 0;
    hostile_pass(0);
    h->image = malloc(h->page.bytes);
    return h->image != NULL;
}

/* Opens the connection and tells the page some rules: this is what a round restores. 0 when that fails. */
static int hostile_connect(Hostile *h) {
    if (sqlite3_open(":memory:", &h->db) || sqlite3_pythia_init(h->db, NULL, NULL)) return 0;
    char *sql =
        sqlite3_mprintf("INSERT INTO pythia_backends(name, kind, target) VALUES('p', 'page', %Q);"
                        "INSERT INTO pythia_control(tracepoint) VALUES('*');"
                        "INSERT INTO pythia_control(tracepoint, request_type, sample) "
                        "VALUES('*part', 'hostile/request', 0.5);"
                        "INSERT INTO pythia_control(tracepoint, predicate, aggregate, group_by) "
                        "VALUES('*/added/sum', 'n >= 0 AND text GLOB ''[eo]*'' OR real IS NULL',"
                        " 'sum(n * 2 + real)', 'text');"
                        "INSERT INTO pythia_control(tracepoint, aggregate, group_by, window_ms) "
                        "VALUES('*/added', 'histogram(duration_ns)', 'n', 1)",
                        h->path);
    hostile_sql(h, sql);
    sqlite3_free(sql);
    for (int i = 0; i < 6; i++)
        hostile_pass(i);
    memcpy(h->image, h->page.base, h->page.bytes);
    return 1;
}

static void hostile_disconnect(Hostile *h) {
    sqlite3_close(h->db);
    h->db = NULL;
}

static void hostile_close(Hostile *h) {
    hostile_disconnect(h);
    pythia_page_close(&h->page);
    free(h->image);
    unlink(h->path);
}

static uint64_t hostile_place(const Hostile *h, const unsigned char *patch) {
    const PythiaPageHeader *g = &h->page.geometry;
    uint64_t offset = patch[0] | (uint64_t)patch[1] << 8;
    switch (patch[2] % 10) {
    case 0:
        return offset % 256;
    case 1:
        return g->slots_at + offset % (g->nslots * 64);
    case 2:
        return g->settings_at + offset % (g->nsettings * 512);
    case 3:
        return g->strings_at + offset % g->strings_bytes;
    case 4:
        return g->index_at + offset % (g->nindex * 4);
    case 5:
        return g->rings_at + offset % 128;
    case 6:
        return g->rings_at + g->ring_stride - g->ring_bytes + offset % 2048;
    case 7: /* the settings in use, which are the first */
        return g->settings_at + offset % (8 * 512);
    case 8:
        return g->rings_at + g->cells_at + offset % (g->ncells * sizeof(PythiaPageCell));
    default:
        return g->types_at + offset % (g->ntypes * 64);
    }
}

/* Not every user of this file damages pages. */
__attribute__((unused)) static void hostile_round(Hostile *h, const unsigned char *bytes,
                                                  size_t n) {
    memcpy(h->page.base, h->image, h->page.bytes);
    for (size_t i = 0; i + 10 <= n; i += 10) {
        uint64_t at = hostile_place(h, bytes + i);
        if (at + 7 <= h->page.bytes) memcpy(h->page.base + at, bytes + i + 3, 7);
    }
    for (int i = 0; i < 3; i++)
        hostile_pass(i);
    hostile_sql(h, "SELECT * FROM pythia_backends; SELECT * FROM pythia_tracepoints");
    hostile_sql(h, "SELECT pythia_collect(); SELECT * FROM pythia_aggregates");
    hostile_sql(h,
                "INSERT INTO pythia_control(tracepoint, sample, expires_ns) VALUES('*', 0.25, 99);"
                "DELETE FROM pythia_control WHERE sample = 0.25");
    hostile_sql(h, "SELECT pythia_reconcile()");
    for (int i = 0; i < 3; i++)
        hostile_pass(i);
    hostile_sql(h, "SELECT pythia_collect(); INSERT INTO pythia(pythia) VALUES('delete-all')");
}

#endif
