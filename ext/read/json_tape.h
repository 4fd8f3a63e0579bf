/* json_tape.h - the face of the JSON parser, seen by C and by C++.
**
** json.cpp is the one C++ file of Pythia and the one place that names simdjson. It turns a document
** into simdjson's tape, an array of 64-bit words, one or two for each value, plus a byte array of
** unescaped strings; json.h reads both. */
#ifndef PYTHIA_READ_JSON_TAPE_H
#define PYTHIA_READ_JSON_TAPE_H

#include <stddef.h>
#include <stdint.h>

/* Every document must be followed by so many readable bytes, whatever they hold. */
enum { PYTHIA_JSON_PADDING = 64 };

/* Deeper documents are refused (PYTHIA_JSON_DEPTH). A span tree nests two levels a span. */
enum { PYTHIA_JSON_DEPTH_MAX = 4096 };

/* Results of parsing. */
enum {
    PYTHIA_JSON_OK = 0,
    PYTHIA_JSON_NOMEM,
    PYTHIA_JSON_SYNTAX,   /* no JSON */
    PYTHIA_JSON_MENDABLE, /* no JSON, in a way that pythia_json_mend() may repair */
    PYTHIA_JSON_UTF8,     /* not UTF-8 */
    PYTHIA_JSON_DEPTH,    /* nested deeper than PYTHIA_JSON_DEPTH_MAX */
    PYTHIA_JSON_TOOBIG    /* 4 GiB and more */
};

typedef struct PythiaJsonTape {
    const uint64_t *words; /* words[0] is the root; the document's value begins at words[1] */
    const unsigned char *strings;
} PythiaJsonTape;

typedef struct PythiaJsonParser PythiaJsonParser;

/* NULL when there is no memory. */
PythiaJsonParser *pythia_json_parser_new(void);
/* NULL is fine. */
void pythia_json_parser_free(PythiaJsonParser *parser);

/* Parses n bytes, which PYTHIA_JSON_PADDING readable ones follow. The tape is valid until the parser
** is used again or freed. On failure *why is the parser's own words, static. */
int pythia_json_parser_run(PythiaJsonParser *parser, const unsigned char *bytes, size_t n,
                           PythiaJsonTape *tape, const char **why);

/* Whether the bytes are UTF-8; at the speed of memory. */
int pythia_json_is_utf8(const unsigned char *bytes, size_t n);

#endif
