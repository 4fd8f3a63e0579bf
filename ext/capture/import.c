/* import.c - see import.h.
**
** A file at a time: the reader (ext/read/) hands records to a sink that gives them to the intake, and
** problems, which become rows at once. One intake serves all files, so that traces may be spread over them;
** the row of a file therefore counts what was read of it, and what came in is counted over all. */
#include "ext/capture/import.h"

#include "ext/capture/savepoint.h"
#include "ext/read/apart.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct Import {
    sqlite3 *db;
    PythiaCapture *capture;
    PythiaIntake *intake;
    PythiaPoll poll;
    sqlite3_stmt *problem; /* INSERT INTO pythia_xproblem */
    sqlite3_stmt *row;     /* INSERT INTO pythia_ximport */
    sqlite3_stmt *place; /* SELECT from there: how far a file was read; NULL: nothing is followed */
    sqlite3_stmt *forget; /* the place of an earlier row: UPDATE */
    int64_t place_row;    /* that row, or 0 */
    int64_t rows;         /* inserted */
    const char *file;
    char **error;
    PythiaAtoms atoms; /* of all files: traces that are open point to their texts */
    int show_progress;
    int threads;
    double started, shown; /* seconds */
    int64_t spans;
    int64_t file_events; /* in the present file */
    int64_t rejected;
} Import;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the sink ------------------------------------------------------------------------------------------ */

static int sink_span(void *context, const PythiaRecord *record) {
    Import *import = context;
    import->spans++;
    import->file_events += (record->flags & PYTHIA_SPAN_EVENT ? 1 : 2) + (int64_t)record->npoints;
    return pythia_intake_record(import->intake, record, import->error);
}

static void bind_ref(sqlite3_stmt *statement, int i, const PythiaRef *ref) {
    char buffer[PYTHIA_ID_CHARS];
    PythiaText text = ref->text;
    if (ref->id.form == PYTHIA_ID_NONE)
        text = (PythiaText){NULL, 0};
    else if (ref->id.form != PYTHIA_ID_TEXT)
        text = (PythiaText){buffer, pythia_id_write(ref->id, buffer)};
    if (text.p)
        sqlite3_bind_text64(statement, i, text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_bind_null(statement, i);
}

static int sink_problem(void *context, const PythiaProblem *problem) {
    Import *import = context;
    sqlite3_stmt *s = import->problem;
    sqlite3_bind_text(s, 1, problem->kind, -1, SQLITE_TRANSIENT);
    bind_ref(s, 2, &problem->trace);
    bind_ref(s, 3, &problem->span);
    sqlite3_bind_text(s, 4, import->file, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(s, 5, problem->position);
    sqlite3_bind_text(s, 6, problem->detail, -1, SQLITE_TRANSIENT);
    sqlite3_step(s);
    int rc = sqlite3_reset(s);
    if (rc) pythia_fail(import->error, rc, "pythia_xproblem: %s", sqlite3_errmsg(import->db));
    return rc ? rc : pythia_poll(&import->poll);
}

static int sink_progress(void *context, int64_t bytes, int64_t total) {
    Import *import = context;
    int rc = pythia_poll_now(&import->poll);
    if (rc || !import->show_progress) return rc;
    double now = seconds();
    if (now - import->shown < 0.1) return SQLITE_OK;
    import->shown = now;
    double rate = (double)import->spans / (now - import->started + 1e-9);
    if (total > 0)
        fprintf(stderr, "\r\033[K%s: %.0f %%, %lld spans, %.0f spans/s", import->file,
                100.0 * (double)bytes / (double)total, (long long)import->spans, rate);
    else
        fprintf(stderr, "\r\033[K%s: %.1f MB, %lld spans, %.0f spans/s", import->file,
                (double)bytes / 1e6, (long long)import->spans, rate);
    fflush(stderr);
    return SQLITE_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

/* The place of a file as text: how the split goes on, how the file is known again; then, behind a newline, what
** the format remembers. Only the newest row of a file keeps it. */
#define PLACE_FORMAT "%lld %lld %d %d %llx %llx"

static int place_bind(Import *import, const PythiaReadStats *read) {
    sqlite3_stmt *s = import->row;
    const PythiaPlace *place = &read->place;
    char *text =
        sqlite3_mprintf(PLACE_FORMAT "\n%s", (long long)place->line, (long long)place->brackets,
                        place->lines, place->stream, (unsigned long long)place->inode,
                        (unsigned long long)place->head_hash, read->memory ? read->memory : "");
    if (!text) return SQLITE_NOMEM;
    sqlite3_bind_int64(s, 10, place->offset);
    sqlite3_bind_text(s, 11, text, -1, sqlite3_free);
    sqlite3_bind_int64(import->forget, 1, import->place_row);
    sqlite3_step(import->forget);
    return sqlite3_reset(import->forget);
}

/* How far the file was read the last time. The format and the memory are the caller's to free. */
static int place_find(Import *import, PythiaReadOptions *options, char **format, char **memory) {
    sqlite3_stmt *s = import->place;
    int rc = SQLITE_OK;
    import->place_row = 0;
    sqlite3_bind_text(s, 1, import->file, -1, SQLITE_TRANSIENT);
    if (sqlite3_step(s) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 1);
        const char *name = (const char *)sqlite3_column_text(s, 2);
        long long line, brackets;
        unsigned long long inode, hash;
        PythiaPlace *place = &options->from;
        import->place_row = sqlite3_column_int64(s, 3);
        if (text && sscanf(text, PLACE_FORMAT, &line, &brackets, &place->lines, &place->stream,
                           &inode, &hash) == 6) {
            place->offset = sqlite3_column_int64(s, 0);
            place->line = line;
            place->brackets = brackets;
            place->inode = inode;
            place->head_hash = hash;
            const char *rest = strchr(text, '\n');
            *format = name ? sqlite3_mprintf("%s", name) : NULL;
            *memory = sqlite3_mprintf("%s", rest ? rest + 1 : "");
            if ((name && !*format) || !*memory) rc = SQLITE_NOMEM;
        }
        options->from_format = *format;
        options->from_memory = *memory;
    }
    int reset = sqlite3_reset(s);
    return rc ? rc : reset;
}

static int import_row(Import *import, const PythiaReadStats *read, double took, char **error) {
    sqlite3_stmt *s = import->row;
    sqlite3_bind_text(s, 1, import->file, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(s, 2, read->format, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, read->bytes);
    sqlite3_bind_int64(s, 4, read->spans);
    sqlite3_bind_int64(s, 5, import->file_events);
    sqlite3_bind_int64(s, 6, read->rejected);
    sqlite3_bind_int64(s, 7, read->skipped);
    sqlite3_bind_double(s, 8, took);
    sqlite3_bind_int64(s, 9, now_ns());
    int rc = import->place ? place_bind(import, read) : SQLITE_OK;
    if (rc) return rc;
    sqlite3_step(s);
    rc = sqlite3_reset(s);
    import->rows++;
    return rc ? pythia_fail(error, rc, "pythia_ximport: %s", sqlite3_errmsg(import->db))
              : SQLITE_OK;
}

static int import_idle(void *context) {
    return pythia_poll_now(&((Import *)context)->poll);
}

/* Whether a second thread is worth starting. */
static int is_large(const char *path, int64_t from) {
    enum { LARGE = 8 << 20 };
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size - from >= LARGE;
}

static int import_file(Import *import, const char *path, const PythiaImportOptions *asked,
                       int alone, uint64_t *serial, char **error) {
    PythiaSink sink = {import, sink_span, sink_problem, sink_progress, NULL};
    PythiaReadOptions options = {.format = asked->format,
                                 .first_serial = *serial,
                                 .follow = asked->follow,
                                 .atoms = &import->atoms};
    PythiaReadStats read = {0};
    char *format = NULL, *memory = NULL;
    double begun = seconds();
    import->file = path;
    import->file_events = 0;
    int rc = import->place ? place_find(import, &options, &format, &memory) : SQLITE_OK;
    if (!rc)
        rc = pythia_read_file_apart(path, &options, &sink,
                                    is_large(path, options.from.offset) ? import->threads : 1,
                                    import_idle, &read, error);
    sqlite3_free(format);
    sqlite3_free(memory);
    *serial = read.next_serial;
    import->rejected += read.rejected;
    int unchanged = options.follow && !read.bytes;
    if (!rc && !read.format && alone && !unchanged)
        rc = pythia_fail(error, SQLITE_ERROR,
                         "pythia_import: %s is of no known format; there are %s, and "
                         "'{\"format\":\"...\"}' as a second argument names one",
                         path, pythia_format_names());
    if (!rc && !unchanged) rc = import_row(import, &read, seconds() - begun, error);
    sqlite3_free(read.memory);
    return rc;
}

static int import_open(Import *import, int follow, char **error) {
    PythiaStore *store = pythia_capture_store(import->capture);
    int rc = pythia_store_prepare(
        store, &import->problem,
        "INSERT INTO \"%w\".pythia_xproblem(kind, trace_id, span_id, file, position, detail)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        error);
    if (!rc)
        rc = pythia_store_prepare(store, &import->row,
                                  "INSERT INTO \"%w\".pythia_ximport(file, format, bytes, spans, "
                                  "events, rejected, skipped,"
                                  " seconds, at_ns, position, place)"
                                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                                  error);
    if (!rc && follow)
        rc = pythia_store_prepare(store, &import->place,
                                  "SELECT position, place, format, id FROM \"%w\".pythia_ximport"
                                  " WHERE file = ?1 AND place IS NOT NULL"
                                  " ORDER BY id DESC LIMIT 1",
                                  error);
    if (!rc && follow)
        rc = pythia_store_prepare(store, &import->forget,
                                  "UPDATE \"%w\".pythia_ximport SET place = NULL WHERE id = ?1",
                                  error);
    if (!rc) rc = pythia_intake_open(import->capture, &import->poll, &import->intake, error);
    return rc;
}

/* How many traces the import made is known when all files are read; it stands in the row of the last. */
static int import_count(Import *import, const PythiaImportStats *stats, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_prepare(pythia_capture_store(import->capture), &s,
                                  "UPDATE \"%w\".pythia_ximport SET traces = ?1, duplicates = ?2"
                                  " WHERE id = (SELECT max(id) FROM \"%w\".pythia_ximport)",
                                  error);
    if (rc) return rc;
    sqlite3_bind_int64(s, 1, stats->traces);
    sqlite3_bind_int64(s, 2, stats->duplicates);
    sqlite3_step(s);
    return sqlite3_finalize(s);
}

static int import_all(Import *import, const PythiaFiles *files, const PythiaImportOptions *options,
                      PythiaImportStats *stats, char **error) {
    uint64_t serial = 1;
    int rc = import_open(import, options->follow, error);
    for (size_t i = 0; !rc && i < files->n; i++)
        rc = import_file(import, files->paths[i], options, files->n == 1, &serial, error);
    if (!rc) rc = pythia_intake_finish(import->intake, stats, error);
    if (!rc && import->rows) rc = import_count(import, stats, error);
    stats->rejected = import->rejected;
    return rc;
}

/* The work of one import, inside its savepoint. */
typedef struct Work {
    const PythiaFiles *files;
    const PythiaImportOptions *options; /* of the files */
    PythiaRecordsGive give;             /* instead of the files */
    void *context;
} Work;

static int import_given(Import *import, const Work *work, PythiaImportStats *stats, char **error) {
    PythiaSink sink = {import, sink_span, sink_problem, sink_progress, NULL};
    uint64_t serial = 1;
    int rc = import_open(import, 0, error);
    if (!rc) rc = work->give(work->context, import->capture, &sink, &serial, error);
    return rc ? rc : pythia_intake_finish(import->intake, stats, error);
}

static int import_work(PythiaSession *session, Import *import, const char *schema, const Work *work,
                       PythiaImportStats *stats, char **error) {
    PythiaSavepoint savepoint = {0};
    int rc = pythia_savepoint_begin(&savepoint, import->db, error);
    import->started = seconds();
    if (!rc) rc = pythia_session_capture(session, schema, 1, &import->capture, error);
    if (!rc) rc = pythia_savepoint_arm(&savepoint, schema, error);
    if (!rc)
        rc = work->files ? import_all(import, work->files, work->options, stats, error)
                         : import_given(import, work, stats, error);
    /* Statements that are still open would hold the transaction. */
    sqlite3_finalize(import->problem);
    sqlite3_finalize(import->row);
    sqlite3_finalize(import->place);
    sqlite3_finalize(import->forget);
    pythia_intake_close(import->intake);
    pythia_atoms_clear(&import->atoms);
    pythia_poll_close(&import->poll);
    return pythia_savepoint_end(&savepoint, rc, error);
}

int pythia_import_path(PythiaSession *session, sqlite3 *db, const char *path,
                       const PythiaImportOptions *options, PythiaImportStats *stats, char **error) {
    PythiaFiles files = {0};
    Work work = {.files = &files, .options = options};
    Import import = {.db = db, .poll.db = db, .error = error};
    import.show_progress = options->show_progress && isatty(STDERR_FILENO);
    import.threads = options->threads ? options->threads : 2;
    memset(stats, 0, sizeof *stats);
    if (options->format && !pythia_format_known(options->format))
        return pythia_fail(error, SQLITE_ERROR, "pythia_import: no such format: '%s'; there are %s",
                           options->format, pythia_format_names());
    int rc = pythia_files_find(path, &files, error);
    if (!rc)
        rc = import_work(session, &import, options->schema ? options->schema : "main", &work, stats,
                         error);
    pythia_files_clear(&files);
    if (import.shown > 0) fputs("\r\033[K", stderr);
    return rc;
}

int pythia_import_records(PythiaSession *session, sqlite3 *db, const char *schema, const char *name,
                          PythiaRecordsGive give, void *context, PythiaImportStats *stats,
                          char **error) {
    Work work = {.give = give, .context = context};
    Import import = {.db = db, .poll.db = db, .error = error, .file = name};
    memset(stats, 0, sizeof *stats);
    return import_work(session, &import, schema, &work, stats, error);
}
