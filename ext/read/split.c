/* split.c - see split.h.
**
** The window data[at .. end-1] is text read and not yet handed out; everything below works with
** offsets from `at`, so that the window may move when more is read.
**
** Where a document ends is found in one of two ways. A line that begins with '{' and ends with '}' is
** guessed to be one: no byte of it is looked at here, and the parser, which reads every byte anyway,
** is the judge. Where that is not so, or the parser disagrees, braces outside of strings are counted.
** A count that meets the end of the input is not begun again, as from then on (`lines`) documents end
** with their line; with that and the bound of split_try_enter() the work is linear.
**
** An envelope is entered by passing over its brace: what then stands outside of documents are its
** members, a key of which is met as a string. `brackets` and `envelopes` count what is open; which lies
** in which does not matter.
**
** After a broken document reading goes on at the next line that begins with a bracket no further to
** the right than the broken one did: that is the next line of JSON lines and the next sibling of a
** pretty-printed element, but none of the inner objects of what is broken. */
#include "ext/read/split.h"

#include "ext/base/mem.h"
#include "ext/read/json_tape.h"

enum {
    CHUNK_BYTES = 256 * 1024,
    LARGE_BYTES = 16 * 1024 * 1024,
    ENTER_BYTES = 64 * 1024 * 1024, /* see split_try_enter() */
    KEY_BYTES = 32,                 /* room for the key of an envelope's list */
    GUESS_BYTES = 8 * 1024 * 1024   /* lines that are longer may be whole files: they are counted */
};

void pythia_split_open(PythiaSplit *split, PythiaInput *input, const PythiaSink *sink,
                       size_t chunk_bytes, size_t large_bytes) {
    memset(split, 0, sizeof *split);
    split->input = input;
    split->sink = sink;
    split->chunk = chunk_bytes ? chunk_bytes : CHUNK_BYTES;
    split->large = large_bytes ? large_bytes : LARGE_BYTES;
    split->line = 1;
}

void pythia_split_close(PythiaSplit *split) {
    pythia_free(split->data);
    split->data = NULL;
}

int64_t pythia_split_bytes(const PythiaSplit *split) {
    return split->discarded + (int64_t)split->end;
}

void pythia_split_follow(PythiaSplit *split, const PythiaPlace *from) {
    split->follow = 1;
    split->discarded = from->offset;
    split->line = from->line > 0 ? from->line : 1;
    split->brackets = from->brackets;
    split->lines = from->lines;
}

void pythia_split_place(const PythiaSplit *split, PythiaPlace *place) {
    place->offset = split->discarded + (int64_t)split->at;
    place->line = split->line;
    place->brackets = split->brackets;
    place->lines = split->lines;
}

/* Reads more behind the window. */
static int split_fill(PythiaSplit *s, char **error) {
    size_t need;
    if (s->at && s->end + s->chunk + PYTHIA_JSON_PADDING > s->capacity) {
        memmove(s->data, s->data + s->at, s->end - s->at);
        s->discarded += (int64_t)s->at;
        s->end -= s->at;
        s->at = 0;
    }
    if (__builtin_add_overflow(s->end, s->chunk + PYTHIA_JSON_PADDING, &need)) return SQLITE_TOOBIG;
    int rc = pythia_grow((void **)&s->data, &s->capacity, need, 1);
    size_t got = 0;
    if (rc == SQLITE_OK) rc = pythia_input_read(s->input, s->data + s->end, s->chunk, &got, error);
    if (rc != SQLITE_OK) return rc;
    s->end += got;
    s->eof = got == 0;
    memset(s->data + s->end, 0, PYTHIA_JSON_PADDING);
    if (s->sink->progress)
        rc = s->sink->progress(s->sink->context, pythia_input_bytes(s->input),
                               pythia_input_total(s->input));
    return rc;
}

/* Makes the byte at offset i part of the window; *there is 0 when the input ends before it. */
static int split_reach(PythiaSplit *s, size_t i, int *there, char **error) {
    while (s->end - s->at <= i && !s->eof) {
        int rc = split_fill(s, error);
        if (rc != SQLITE_OK) return rc;
    }
    *there = s->end - s->at > i;
    return SQLITE_OK;
}

/* Passes over one byte outside of documents. */
static void split_pass(PythiaSplit *s) {
    if (s->data[s->at++] == '\n') {
        s->line++;
        s->column = 0;
        s->counting = 0;
    } else {
        s->column++;
    }
}

/* Passes over n bytes that belong to a piece. */
static void split_pass_piece(PythiaSplit *s, size_t n) {
    const unsigned char *p = s->data + s->at, *end = p + n, *newline;
    s->column += n;
    while ((newline = memchr(p, '\n', (size_t)(end - p)))) {
        s->line++;
        s->counting = 0;
        p = newline + 1;
        s->column = (size_t)(end - p);
    }
    s->at += n;
}

/* ---- counting ---- */

typedef struct Count {
    size_t i; /* the next byte, from data[at] */
    size_t depth;
    int in_string;
} Count;

typedef enum CountEnd { COUNT_MORE = 0, COUNT_CLOSED, COUNT_LINE } CountEnd;

/* Inside a string, up to and with its closing quote. A newline there is no JSON: the string was cut. */
static CountEnd count_string(Count *c, const unsigned char *p, size_t n) {
    while (c->i < n) {
        unsigned char byte = p[c->i];
        if (byte == '\n') return COUNT_LINE;
        if (byte == '\\') {
            if (n - c->i < 2) return COUNT_MORE;
            c->i++;
            if (p[c->i] == '\n') return COUNT_LINE;
        }
        c->i++;
        if (byte == '"') {
            c->in_string = 0;
            break;
        }
    }
    return COUNT_MORE;
}

/* Counts over p[i .. n-1]. one_line: a newline ends the count. */
static CountEnd count_run(Count *c, const unsigned char *p, size_t n, int one_line) {
    enum { OTHER, QUOTE, OPEN, CLOSE, NEWLINE };
    static const unsigned char class_of[256] = {
        ['"'] = QUOTE, ['{'] = OPEN, ['['] = OPEN, ['}'] = CLOSE, [']'] = CLOSE, ['\n'] = NEWLINE};
    while (c->i < n) {
        if (c->in_string) {
            size_t before = c->i;
            if (count_string(c, p, n) == COUNT_LINE) return COUNT_LINE;
            if (c->in_string && c->i == before) return COUNT_MORE; /* half an escape */
            continue;
        }
        unsigned char class = class_of[p[c->i]];
        if (class == NEWLINE && one_line) return COUNT_LINE;
        c->i++;
        if (class == QUOTE)
            c->in_string = 1;
        else if (class == OPEN)
            c->depth++;
        else if (class == CLOSE && --c->depth == 0)
            return COUNT_CLOSED;
    }
    return COUNT_MORE;
}

/* ---- envelopes ---- */

static int key_is_list(const unsigned char *key, size_t n) {
    static const char *const lists[] = {"data",     "resourceSpans", "resource_spans", "batches",
                                        "children", "reports",       "traceEvents"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strlen(lists[i]) == n && memcmp(lists[i], key, n) == 0) return 1;
    return 0;
}

/* Whether the object that begins at p has a list of parts: `"key" : [` right inside it. */
static int text_is_envelope(const unsigned char *p, size_t n) {
    Count c = {1, 1, 0};
    while (c.i < n && c.depth) {
        unsigned char byte = p[c.i];
        size_t begin = c.i + 1;
        if (byte == '"' && c.depth == 1) {
            c.i++;
            c.in_string = 1;
            if (count_string(&c, p, n) == COUNT_LINE || c.in_string) return 0;
            size_t end = c.i - 1;
            while (c.i < n && p[c.i] && strchr(": \t\r\n", p[c.i]))
                c.i++;
            if (c.i < n && p[c.i] == '[' && key_is_list(p + begin, end - begin)) return 1;
            continue;
        }
        if (byte == '{' || byte == '[') {
            Count inner = {c.i, 0, 0};
            if (count_run(&inner, p, n, 0) != COUNT_CLOSED) return 0;
            c.i = inner.i;
            continue;
        }
        c.depth -= byte == '}' || byte == ']';
        c.i++;
    }
    return 0;
}

/* Passes over an object, an array or a string of any length. */
static int split_skip_value(PythiaSplit *s, char **error) {
    int string = s->data[s->at] == '"', there = 1, rc = SQLITE_OK;
    Count c = {(size_t)string, 0, string};
    while (rc == SQLITE_OK && there) {
        const unsigned char *p = s->data + s->at;
        size_t n = s->end - s->at;
        CountEnd how = string ? count_string(&c, p, n) : count_run(&c, p, n, 0);
        split_pass_piece(s, c.i);
        c.i = 0;
        if (how != COUNT_MORE || (string && !c.in_string)) break;
        rc = split_reach(s, s->end - s->at, &there, error);
    }
    return rc;
}

/* Passes over bytes for as long as they are (or, with `until`, are not) in the set. */
static int split_skip_set(PythiaSplit *s, const char *set, int until, int *there, char **error) {
    int rc;
    while ((rc = split_reach(s, 0, there, error)) == SQLITE_OK && *there) {
        unsigned char byte = s->data[s->at];
        if ((byte && strchr(set, byte) != NULL) == until) break;
        split_pass(s);
    }
    return rc;
}

/* Enters the object at data[at], of which n bytes are known, when it is an envelope. Those bytes were
** counted and will be again, and an envelope may lie in an envelope: what is counted again is kept in
** proportion to the text passed, so that all of it stays linear. */
static int split_try_enter(PythiaSplit *s, size_t n) {
    int64_t passed = s->discarded + (int64_t)s->at;
    if (s->entered + (int64_t)n > ENTER_BYTES + 4 * passed) return 0;
    if (!text_is_envelope(s->data + s->at, n)) return 0;
    s->entered += (int64_t)n;
    s->envelopes++;
    s->piece = 0;
    split_pass(s);
    s->counting = 1;
    return 1;
}

/* At a member's key in an entered envelope: passes over the member, or up to the bracket of its list. */
static int split_member(PythiaSplit *s, char **error) {
    int there;
    int rc = split_reach(s, KEY_BYTES, &there, error);
    if (rc != SQLITE_OK) return rc;
    const unsigned char *key = s->data + s->at + 1, *end = s->data + s->end;
    size_t n = (size_t)(end - key) < KEY_BYTES ? (size_t)(end - key) : KEY_BYTES;
    const unsigned char *quote = memchr(key, '"', n);
    int list = quote && key_is_list(key, (size_t)(quote - key));
    rc = split_skip_value(s, error);
    if (rc == SQLITE_OK) rc = split_skip_set(s, " \t\r\n", 0, &there, error);
    if (rc != SQLITE_OK || !there || s->data[s->at] != ':') return rc;
    rc = split_skip_set(s, ": \t\r\n", 0, &there, error);
    if (rc != SQLITE_OK || !there) return rc;
    unsigned char first = s->data[s->at];
    if (first == '[' && list) return SQLITE_OK;
    if (first == '{' || first == '[' || first == '"') return split_skip_value(s, error);
    return split_skip_set(s, ",]} \t\r\n", 1, &there, error);
}

/* ---- between documents ---- */

/* Passes over what lies between documents. The record separator is that of RFC 7464. */
static int split_separators(PythiaSplit *s, int *there, char **error) {
    for (;;) {
        int rc = split_reach(s, 0, there, error);
        if (rc != SQLITE_OK || !*there) return rc;
        switch (s->data[s->at]) {
        case '[':
            s->brackets++;
            break;
        case ']':
            if (!s->brackets) return SQLITE_OK;
            s->brackets--;
            break;
        case '}':
            if (!s->envelopes) return SQLITE_OK;
            s->envelopes--;
            break;
        case '"':
            if (!s->envelopes) return SQLITE_OK;
            rc = split_member(s, error);
            if (rc != SQLITE_OK) return rc;
            continue;
        case ' ':
        case '\t':
        case '\r':
        case '\n':
        case ',':
        case 0x1e:
            break;
        default:
            return SQLITE_OK;
        }
        split_pass(s);
    }
}

/* Finds the newline that ends the line, or the end of the input; *found is 0 when neither is near. */
static int split_line_end(PythiaSplit *s, size_t *n, int *newline, int *found, char **error) {
    size_t searched = 0;
    *found = *newline = 0;
    while (searched < GUESS_BYTES) {
        const unsigned char *from = s->data + s->at + searched;
        const unsigned char *hit = memchr(from, '\n', s->end - s->at - searched);
        if (hit || s->eof) {
            *n = hit ? (size_t)(hit - (s->data + s->at)) : s->end - s->at;
            *newline = hit != NULL;
            *found = 1;
            return SQLITE_OK;
        }
        searched = s->end - s->at;
        int rc = split_fill(s, error);
        if (rc != SQLITE_OK) return rc;
    }
    return SQLITE_OK;
}

/* Guesses that the line is a document; *n is 0 when it does not look like one. */
static int split_guess(PythiaSplit *s, size_t *n, char **error) {
    size_t length = 0;
    int newline, found;
    *n = 0;
    int rc = split_line_end(s, &length, &newline, &found, error);
    if (rc != SQLITE_OK || !found) return rc;
    const unsigned char *p = s->data + s->at;
    while (length && (p[length - 1] == ' ' || p[length - 1] == '\t' || p[length - 1] == '\r' ||
                      (p[length - 1] == ',' && s->brackets)))
        length--;
    if (length < 2 || p[length - 1] != '}') return SQLITE_OK;
    s->guess_ended = newline;
    *n = length;
    return SQLITE_OK;
}

/* Counts the document at data[at]. *entered: it is a large envelope, and was entered instead. */
static int split_count(PythiaSplit *s, Count *c, CountEnd *how, int *entered, char **error) {
    int asked = 0;
    memset(c, 0, sizeof *c);
    *entered = 0;
    for (;;) {
        *how = count_run(c, s->data + s->at, s->end - s->at, s->lines);
        if (*how != COUNT_MORE || s->eof) return SQLITE_OK;
        if (s->end - s->at > s->large && !asked && !s->follow) {
            asked = 1;
            *entered = split_try_enter(s, s->end - s->at);
            if (*entered) return SQLITE_OK;
        }
        int rc = split_fill(s, error);
        if (rc != SQLITE_OK) return rc;
    }
}

/* Passes over the rest of the line and the lines behind it that do not begin a document; `column` is
** where the broken piece began. */
static int split_resync(PythiaSplit *s, size_t column, char **error) {
    int there = 1, rc;
    for (;;) {
        for (;;) {
            const unsigned char *from = s->data + s->at;
            const unsigned char *hit = memchr(from, '\n', s->end - s->at);
            split_pass_piece(s, hit ? (size_t)(hit - from) + 1 : s->end - s->at);
            if (hit) break;
            rc = split_reach(s, 0, &there, error);
            if (rc != SQLITE_OK || !there) return rc;
        }
        size_t i = 0;
        while ((rc = split_reach(s, i, &there, error)) == SQLITE_OK && there && i < column &&
               (s->data[s->at + i] == ' ' || s->data[s->at + i] == '\t'))
            i++;
        if (rc != SQLITE_OK || !there) return rc;
        if (s->data[s->at + i] == '{' || s->data[s->at + i] == '[') return SQLITE_OK;
    }
}

static void piece_broken(PythiaPiece *piece, const char *kind, const char *detail) {
    piece->what = PYTHIA_SPLIT_BROKEN;
    piece->kind = kind;
    piece->detail = detail;
}

/* Text in an array that is no object, up to the next bracket. Strings are passed over whole. */
static int split_skip_scalars(PythiaSplit *s, char **error) {
    int there, rc, in_string = 0;
    while ((rc = split_reach(s, 0, &there, error)) == SQLITE_OK && there) {
        unsigned char byte = s->data[s->at];
        if (byte == '\n' || (!in_string && (byte == '{' || byte == '[' || byte == ']'))) break;
        if (byte == '"') in_string = !in_string;
        split_pass(s);
        if (in_string && byte == '\\') {
            rc = split_reach(s, 0, &there, error);
            if (rc != SQLITE_OK || !there) break;
            if (s->data[s->at] != '\n') split_pass(s);
        }
    }
    return rc;
}

static int split_not_object(PythiaSplit *s, PythiaPiece *piece, char **error) {
    if (s->follow) {
        size_t n;
        int newline, found;
        int rc = split_line_end(s, &n, &newline, &found, error);
        s->stopped = found && !newline;
        if (rc != SQLITE_OK || s->stopped) return rc;
    }
    piece_broken(piece, "syntax", "Text that is no JSON object was left out");
    if (s->brackets) return split_skip_scalars(s, error);
    return split_resync(s, s->column, error);
}

/* Whether a later line begins with a bracket in the column of the piece: then the input has more
** documents, and only this one is broken. All of the input is in the window. */
static int split_goes_on(const PythiaSplit *s) {
    const unsigned char *p = s->data + s->at, *end = s->data + s->end;
    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        size_t column = 0;
        for (p++; p < end && column < s->column && (*p == ' ' || *p == '\t'); p++)
            column++;
        if (p < end && (*p == '{' || *p == '[')) return 1;
    }
    return 0;
}

/* Cuts the document that begins at data[at] by counting; or enters it. */
static int split_counted(PythiaSplit *s, PythiaPiece *piece, int *entered, char **error) {
    Count c;
    CountEnd how;
    int rc = split_count(s, &c, &how, entered, error);
    if (rc != SQLITE_OK || *entered) return rc;
    if (how == COUNT_CLOSED) {
        s->counting = 1;
        s->piece = c.i;
        piece->what = PYTHIA_SPLIT_DOCUMENT;
        piece->bytes = s->data + s->at;
        piece->n = c.i;
        piece->certain = 1;
        return SQLITE_OK;
    }
    if (how == COUNT_MORE && !split_goes_on(s)) {
        s->stopped = s->follow;
        if (s->stopped) return SQLITE_OK;
        *entered = split_try_enter(s, s->end - s->at);
        if (*entered) return SQLITE_OK;
        piece_broken(piece, "truncated", "The last document is cut off and was left out");
        s->brackets = s->envelopes = 0;
        split_pass_piece(s, s->end - s->at);
        return SQLITE_OK;
    }
    piece_broken(piece, "syntax", "The document is not closed and was left out");
    s->lines = 1;
    return split_resync(s, s->column, error);
}

static int split_first(PythiaSplit *s, char **error) {
    int there;
    int rc = split_reach(s, 2, &there, error);
    if (rc == SQLITE_OK && there && memcmp(s->data + s->at, "\xef\xbb\xbf", 3) == 0) s->at += 3;
    return rc;
}

static int split_ended(PythiaSplit *s, PythiaPiece *piece) {
    if ((s->brackets || s->envelopes) && !s->follow) {
        piece_broken(piece, "truncated",
                     s->brackets ? "The input ends inside an array"
                                 : "The input ends inside an object");
        piece->open_array = !s->envelopes;
        s->brackets = s->envelopes = 0;
    }
    return SQLITE_OK;
}

/* One piece, or one step into an envelope. */
static int split_step(PythiaSplit *s, PythiaPiece *piece, int *entered, char **error) {
    int there;
    memset(piece, 0, sizeof *piece);
    *entered = 0;
    int rc = split_separators(s, &there, error);
    if (rc != SQLITE_OK) return rc;
    piece->mid_line = s->counting;
    piece->position = s->counting ? s->discarded + (int64_t)s->at : s->line;
    if (!there) return split_ended(s, piece);
    if (s->data[s->at] != '{') return split_not_object(s, piece, error);
    size_t n = 0;
    if (!s->counting) rc = split_guess(s, &n, error);
    if (rc != SQLITE_OK) return rc;
    if (!n) return split_counted(s, piece, entered, error);
    piece->what = PYTHIA_SPLIT_DOCUMENT;
    piece->bytes = s->data + s->at;
    piece->n = s->piece = n;
    return SQLITE_OK;
}

int pythia_split_window(PythiaSplit *split, size_t n, PythiaText *window, char **error) {
    int there, rc = SQLITE_OK;
    *window = (PythiaText){"", 0};
    if (!split->data) rc = split_first(split, error);
    if (rc == SQLITE_OK && n) rc = split_reach(split, n - 1, &there, error);
    if (rc != SQLITE_OK) return rc;
    *window = (PythiaText){(char *)split->data + split->at, split->end - split->at};
    return SQLITE_OK;
}

void pythia_split_skip(PythiaSplit *split, size_t n) {
    split->at += n;
}

int64_t pythia_split_position(const PythiaSplit *split) {
    return split->discarded + (int64_t)split->at;
}

int pythia_split_next(PythiaSplit *split, PythiaPiece *piece, char **error) {
    PythiaSplit *s = split;
    int entered, rc = SQLITE_OK;
    if (!s->data) rc = split_first(s, error);
    if (rc != SQLITE_OK) return rc;
    if (s->piece && !s->counting && s->guess_ended && !s->envelopes) s->lines = 1;
    split_pass_piece(s, s->piece);
    s->piece = 0;
    memset(piece, 0, sizeof *piece);
    if (s->stopped) return SQLITE_OK;
    do
        rc = split_step(s, piece, &entered, error);
    while (rc == SQLITE_OK && entered);
    return rc;
}

int pythia_split_retry(PythiaSplit *split, PythiaPiece *piece, char **error) {
    int entered;
    split->piece = 0;
    piece->what = PYTHIA_SPLIT_END;
    piece->bytes = NULL;
    int rc = split_counted(split, piece, &entered, error);
    while (rc == SQLITE_OK && entered)
        rc = split_step(split, piece, &entered, error);
    return rc;
}

int pythia_split_enter(PythiaSplit *split) {
    return split_try_enter(split, split->piece);
}
