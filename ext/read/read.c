/* read.c - see read.h: input -> documents -> format reader -> sink. */
#include "ext/read/read.h"

#include "ext/read/format.h"
#include "ext/read/split.h"

typedef struct Run {
    PythiaInput *input;
    PythiaSplit split;
    PythiaReader reader;
    const PythiaFormat *format; /* NULL until the first document that one recognises */
    int64_t strangers;          /* documents of no known format before that */
    int64_t stranger_position;
    int stream;       /* the text is no JSON */
    unsigned slow;    /* so many documents are not tried the quick way ... */
    unsigned misses;  /* ... because so many were in vain */
    PythiaPlace from; /* following: where reading began */
} Run;

/* The words for what the parser said; the position is a line or, in the midst of one, a byte. */
static void run_reject(Run *run, const PythiaPiece *piece, const char *kind, const char *detail) {
    run->reader.position = piece->position;
    pythia_reader_reject(&run->reader, kind, "%s (%s %lld).", detail,
                         piece->mid_line ? "byte" : "line", (long long)piece->position);
}

static int run_choose(Run *run, const PythiaFormat *format) {
    if (run->reader.follow && !format->follows)
        return pythia_fail(run->reader.error, SQLITE_ERROR,
                           "files of format %s cannot be followed: their parts hang together",
                           format->name);
    run->format = format;
    run->reader.stats->format = format->name;
    if (!format->state_bytes) return SQLITE_OK;
    run->reader.state = pythia_alloc_zero(format->state_bytes);
    return run->reader.state ? SQLITE_OK : SQLITE_NOMEM;
}

/* A parsed document. Before the format is known, those of none are only counted: one problem for all. */
static int run_document(Run *run, const PythiaPiece *piece) {
    PythiaReader *reader = &run->reader;
    reader->root = 1;
    reader->text = (PythiaText){(const char *)piece->bytes, piece->n};
    reader->position = piece->position;
    if (!run->format) {
        const PythiaFormat *format = pythia_format_detect(&reader->json, reader->root);
        if (!format) {
            if (run->strangers++ == 0) run->stranger_position = piece->position;
            return SQLITE_OK;
        }
        int rc = run_choose(run, format);
        if (rc != SQLITE_OK) return rc;
    }
    if (!run->format->detect || !run->format->detect(&reader->json, reader->root)) {
        run_reject(run, piece, "format", "The document is not of the file's format");
        return reader->rc;
    }
    reader->stats->documents++;
    run->format->document(reader);
    pythia_arena_reset(&reader->arena);
    return reader->rc;
}

static const char *result_kind(int result) {
    switch (result) {
    case PYTHIA_JSON_UTF8:
        return "utf8";
    case PYTHIA_JSON_DEPTH:
        return "depth";
    case PYTHIA_JSON_TOOBIG:
        return "size";
    default:
        return "syntax";
    }
}

/* A document that is no JSON: its parts are tried where it has any. */
static int run_broken(Run *run, const PythiaPiece *piece, int result, const char *why) {
    const char *kind = result_kind(result);
    if (!pythia_split_enter(&run->split)) {
        run_reject(run, piece, kind, why);
        return run->reader.rc;
    }
    run->reader.position = piece->position;
    pythia_reader_note(&run->reader, kind, "%s; the parts were read one by one (%s %lld).", why,
                       piece->mid_line ? "byte" : "line", (long long)piece->position);
    return run->reader.rc;
}

/* Whether the format's quick way took the document. After attempts in vain it is given a rest, longer each time. */
static int run_quick(Run *run, const PythiaPiece *piece) {
    enum { MISSES_MOST = 6 };
    PythiaReader *reader = &run->reader;
    if (!run->format || !run->format->quick || !reader->sink->hold) return 0;
    if (run->slow) {
        run->slow--;
        return 0;
    }
    PythiaReadStats before = *reader->stats;
    reader->text = (PythiaText){(const char *)piece->bytes, piece->n};
    reader->position = piece->position;
    reader->sink->hold(reader->sink->context, PYTHIA_HOLD);
    int taken = run->format->quick(reader);
    reader->sink->hold(reader->sink->context, taken ? PYTHIA_KEEP : PYTHIA_UNDO);
    pythia_arena_reset(&reader->arena);
    if (taken) {
        reader->stats->documents++;
        run->misses = 0;
        return 1;
    }
    uint64_t serial = reader->stats->next_serial; /* those that were given out stay so */
    *reader->stats = before;
    reader->stats->next_serial = serial;
    reader->scratch.n = 0;
    if (run->misses < MISSES_MOST) run->misses++;
    run->slow = (1u << run->misses) - 2;
    return 0;
}

/* Parses a piece, cutting it anew where it was a wrong guess. */
static int run_piece(Run *run, PythiaPiece *piece, char **error) {
    while (piece->what == PYTHIA_SPLIT_DOCUMENT) {
        const char *why = NULL;
        if (run_quick(run, piece) || run->reader.rc) return run->reader.rc;
        int result = pythia_json_parse(&run->reader.json, piece->bytes, piece->n, &why);
        if (result == PYTHIA_JSON_OK) return run_document(run, piece);
        if (result == PYTHIA_JSON_NOMEM) return SQLITE_NOMEM;
        if (piece->certain) return run_broken(run, piece, result, why);
        int rc = pythia_split_retry(&run->split, piece, error);
        if (rc != SQLITE_OK) return rc;
    }
    if (piece->what == PYTHIA_SPLIT_BROKEN &&
        !(piece->open_array && run->format && run->format->open_array))
        run_reject(run, piece, piece->kind, piece->detail);
    return run->reader.rc;
}

static int run_finish(Run *run) {
    PythiaReader *reader = &run->reader;
    const char *kind, *damage = pythia_input_damage(run->input, &kind);
    reader->position = run->split.line;
    if (run->format && run->format->finish) run->format->finish(reader);
    if (reader->stats->skipped)
        pythia_reader_note(reader, "skipped",
                           "Parts that are no traces (metrics, logs) were left out: %lld.",
                           (long long)reader->stats->skipped);
    if (damage) pythia_reader_note(reader, kind, "%s", damage);
    if (run->strangers) {
        reader->position = run->stranger_position;
        pythia_reader_reject(reader, "format", "JSON documents of no known format (%s): %lld.",
                             pythia_format_names(), (long long)run->strangers);
    } else if (!run->format && !damage && (!reader->follow || reader->stats->rejected)) {
        reader->position = 1;
        pythia_reader_reject(reader, "format", "The file holds no document of a known format (%s).",
                             pythia_format_names());
    }
    return reader->rc;
}

/* Whether text begins as JSON does. */
static int text_is_json(PythiaText start) {
    size_t at = 0;
    while (at < start.n && start.p[at] && strchr(" \t\r\n\xef\xbb\xbf", start.p[at]))
        at++;
    return at < start.n && (start.p[at] == '{' || start.p[at] == '[');
}

/* Tells whether the text is of a format that is no JSON: run->stream. That format then reads it. A format asked
** for by name that is never JSON reads whatever there is. *wait: there is too little yet to tell. */
static int run_sniff(Run *run, int *wait, char **error) {
    PythiaText start;
    *wait = 0;
    int rc = pythia_split_window(&run->split, PYTHIA_SNIFF_BYTES, &start, error);
    if (rc != SQLITE_OK || run->reader.resumed) return rc;
    if (start.n > PYTHIA_SNIFF_BYTES) start.n = PYTHIA_SNIFF_BYTES;
    int json = text_is_json(start), named = run->format != NULL;
    const PythiaFormat *format = run->format;
    if (!named)
        format = pythia_format_sniff(start);
    else if (!format->sniff || !format->sniff(start))
        format = NULL;
    if (run->reader.follow && !json && !format && start.n < PYTHIA_SNIFF_BYTES) {
        *wait = 1;
    } else if (!named && format) {
        run->stream = 1;
        rc = run_choose(run, format);
    } else if (named) {
        /* Only what begins as JSON does is taken for the format's other form: damage at the very start must
        ** not hide what follows. */
        run->stream =
            run->format->stream && (!run->format->detect || (start.n && !json) || format != NULL);
    }
    return rc;
}

static int run_loop(Run *run, char **error) {
    int wait;
    int rc = run_sniff(run, &wait, error);
    if (rc != SQLITE_OK || wait) return rc;
    if (run->stream) {
        rc = run->format->stream(&run->reader, &run->split, error);
        if (rc == SQLITE_OK) rc = run->reader.rc;
        return rc == SQLITE_OK ? run_finish(run) : rc;
    }
    for (;;) {
        PythiaPiece piece;
        rc = pythia_split_next(&run->split, &piece, error);
        if (rc != SQLITE_OK) return rc;
        if (piece.what == PYTHIA_SPLIT_END) return run_finish(run);
        rc = run_piece(run, &piece, error);
        if (rc != SQLITE_OK) return rc;
    }
}

/* Where reading begins: at its place, when the file and what it is read as are still the same. */
static int run_follow(Run *run, const PythiaReadOptions *options, const char **format,
                      char **error) {
    PythiaPlace from = options->from;
    const PythiaFormat *known =
        options->from_format ? pythia_format_named(options->from_format) : NULL;
    if ((options->from_format && !known) ||
        (options->format && (!known || strcmp(options->format, known->name) != 0)))
        memset(&from, 0, sizeof from);
    int rc = pythia_input_follow(run->input, &from, error);
    if (rc != SQLITE_OK) return rc;
    run->reader.follow = 1;
    run->reader.resumed = from.offset > 0;
    run->stream = run->reader.resumed && from.stream && known && known->stream;
    if (run->reader.resumed && known) *format = known->name;
    run->reader.stats->from_offset = from.offset;
    pythia_split_follow(&run->split, &from);
    run->from = from;
    return SQLITE_OK;
}

/* Separators alone, an opening bracket for instance, are nothing new yet. */
static int run_place(Run *run, PythiaReadStats *stats, char **error) {
    stats->place = run->from;
    if (stats->documents || stats->rejected || stats->skipped) {
        pythia_split_place(&run->split, &stats->place);
        stats->place.stream = run->stream;
    }
    stats->bytes = stats->text_bytes = stats->place.offset - stats->from_offset;
    if (run->format && run->format->remember) {
        PythiaBuf memory = {0};
        run->format->remember(&run->reader, &memory);
        stats->memory = pythia_buf_take(&memory);
        if (!stats->memory) return SQLITE_NOMEM;
    }
    return pythia_input_followed(run->input, &stats->place, error);
}

static int run_start(Run *run, const PythiaReadOptions *options, char **error) {
    const char *name = options->format;
    int rc = SQLITE_OK;
    if (options->follow) rc = run_follow(run, options, &name, error);
    if (rc != SQLITE_OK || !name) return rc;
    const PythiaFormat *format = pythia_format_named(name);
    if (format) {
        rc = run_choose(run, format);
        if (rc != SQLITE_OK || !run->reader.resumed || !format->recall || !options->from_memory)
            return rc;
        format->recall(&run->reader,
                       (PythiaText){options->from_memory, strlen(options->from_memory)});
        return run->reader.rc;
    }
    return pythia_fail(error, SQLITE_ERROR, "no such format: %s (known: %s)", name,
                       pythia_format_names());
}

static int read_input(PythiaInput *input, const PythiaReadOptions *options, const PythiaSink *sink,
                      PythiaReadStats *stats, char **error) {
    static const PythiaReadOptions defaults;
    if (!options) options = &defaults;
    Run run;
    memset(&run, 0, sizeof run);
    run.input = input;
    run.reader.sink = sink;
    run.reader.stats = stats;
    run.reader.error = error;
    run.reader.atoms = options->atoms;
    run.reader.first_serial = options->first_serial ? options->first_serial : 1;
    stats->next_serial = run.reader.first_serial;
    pythia_split_open(&run.split, input, sink, options->chunk_bytes, options->large_bytes);
    int rc = run_start(&run, options, error);
    if (rc == SQLITE_OK) rc = run_loop(&run, error);
    stats->bytes = pythia_input_bytes(input);
    stats->text_bytes = pythia_split_bytes(&run.split);
    if (rc == SQLITE_OK && options->follow) rc = run_place(&run, stats, error);
    if (run.reader.state && run.format->release) run.format->release(run.reader.state);
    pythia_free(run.reader.state);
    pythia_reader_clear(&run.reader);
    pythia_split_close(&run.split);
    return rc;
}

int pythia_read_file(const char *path, const PythiaReadOptions *options, const PythiaSink *sink,
                     PythiaReadStats *stats, char **error) {
    PythiaInput *input;
    memset(stats, 0, sizeof *stats);
    int rc = pythia_input_open(path, &input, error);
    if (rc == SQLITE_OK) rc = read_input(input, options, sink, stats, error);
    pythia_input_close(input);
    return rc;
}

int pythia_read_text(PythiaText text, const PythiaReadOptions *options, const PythiaSink *sink,
                     PythiaReadStats *stats, char **error) {
    PythiaInput *input;
    memset(stats, 0, sizeof *stats);
    int rc = pythia_input_open_text(text, &input, error);
    if (rc == SQLITE_OK) rc = read_input(input, options, sink, stats, error);
    pythia_input_close(input);
    return rc;
}
