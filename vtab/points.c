/* points.c - see points.h. */
#include "vtab/points.h"

static int same_condition(const PythiaPoints *points, const PythiaBound *bound, PythiaText text) {
    if (points->given != (bound != NULL)) return 0;
    return !bound ||
           (points->n == text.n && memcmp(points->text, text.p ? text.p : "", text.n) == 0);
}

static int points_take(PythiaPoints *points, const PythiaBound *bound, PythiaText text) {
    points->given = 0;
    points->known = 0;
    pythia_free(points->text);
    points->text = NULL;
    if (!bound) return SQLITE_OK;
    points->text = pythia_alloc(text.n + 1);
    if (!points->text) return SQLITE_NOMEM;
    if (text.n) memcpy(points->text, text.p, text.n);
    points->text[text.n] = 0;
    points->n = text.n;
    points->given = 1;
    return SQLITE_OK;
}

/* The name equals or matches one of the lines of the condition. */
static int any_line_matches(const PythiaPoints *points, const char *name, int *yes) {
    for (size_t at = 0; at <= points->n && !*yes;) {
        size_t end = at;
        while (end < points->n && points->text[end] != '\n')
            end++;
        char *line = sqlite3_mprintf("%.*s", (int)(end - at), points->text + at);
        if (!line) return SQLITE_NOMEM;
        *yes = strcmp(line, name) == 0 || sqlite3_strglob(line, name) == 0;
        sqlite3_free(line);
        at = end + 1;
    }
    return SQLITE_OK;
}

static int point_matches(const PythiaPoints *points, PythiaText name, int *yes) {
    *yes =
        points->equal && name.n == points->n && (!name.n || !memcmp(name.p, points->text, name.n));
    if (*yes || !points->glob) return SQLITE_OK;
    char *copy = pythia_alloc(name.n + 1); /* GLOB wants it terminated */
    if (!copy) return SQLITE_NOMEM;
    if (name.n) memcpy(copy, name.p, name.n);
    copy[name.n] = 0;
    int rc = SQLITE_OK;
    if (points->equal && memchr(points->text, '\n', points->n))
        rc = any_line_matches(points, copy, yes);
    else
        *yes = sqlite3_strglob(points->text, copy) == 0;
    pythia_free(copy);
    return rc;
}

/* Answers for trace points that came up since. [0] is that of events without one. */
static int points_extend(PythiaPoints *points, const PythiaNames *names) {
    if (points->names != names) points->known = 0;
    points->names = names;
    int rc =
        pythia_grow((void **)&points->yes, &points->capacity, (size_t)names->ntracepoints + 1, 1);
    while (!rc && points->known <= names->ntracepoints) {
        int yes;
        rc = point_matches(points, pythia_names_tracepoint_text(names, points->known), &yes);
        if (!rc) points->yes[points->known++] = (unsigned char)yes;
    }
    return rc;
}

int pythia_points_set(PythiaPoints *points, const PythiaBound *bound, int equal, int glob,
                      const PythiaNames *names, unsigned *version) {
    if (!bound && !points->given && points->equal == equal && points->glob == glob)
        return SQLITE_OK;
    PythiaText text = bound ? pythia_value_text(bound->value) : (PythiaText){NULL, 0};
    int changed = 0, rc = SQLITE_OK;
    if (bound && !text.p) return SQLITE_NOMEM; /* the frame lets no NULL pass */
    /* A blob equals no text; as a pattern it is one. */
    if (equal && bound && sqlite3_value_type(bound->value) == SQLITE_BLOB) equal = 0;
    if (!same_condition(points, bound, text) || points->equal != equal || points->glob != glob) {
        changed = 1;
        rc = points_take(points, bound, text);
    }
    points->equal = equal;
    points->glob = glob;
    if (!rc && points->given && names &&
        (points->names != names || points->known <= names->ntracepoints)) {
        changed = 1;
        rc = points_extend(points, names);
    }
    if (version) *version += (unsigned)changed;
    return rc;
}

void pythia_points_clear(PythiaPoints *points) {
    pythia_free(points->text);
    pythia_free(points->yes);
    memset(points, 0, sizeof *points);
}
