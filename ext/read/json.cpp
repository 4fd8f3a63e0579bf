/* json.cpp - the one C++ file: simdjson behind the C face of json_tape.h.
**
** simdjson's DOM parser (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal
** 28(6), 2019) finds the structural bytes with vector instructions and writes a tape. The tape is
** handed out as it is: walking it from C costs no call per value.
**
** Memory. The parser object comes from sqlite3_malloc64(). Its buffers do not: simdjson takes them
** with `new (std::nothrow)` and has no hook but the global operator new, which a library loaded into
** other programs must not replace. They are one tape (8 bytes for each byte of the largest
** document, of which only the part in use is touched), one string buffer and one index array, and a
** failure to get them is an error code. Nothing here throws: the file is compiled without exceptions,
** and every simdjson call below is noexcept. */
extern "C" {
#include "ext/base/mem.h"
#include "ext/read/json_tape.h"
}

#include <new>
#include <simdjson.h>

static_assert(PYTHIA_JSON_PADDING >= simdjson::SIMDJSON_PADDING, "padding");

struct PythiaJsonParser {
    simdjson::dom::parser parser;
    size_t capacity; /* bytes of the largest document that the buffers hold */
};

/* Small documents come in many sizes: growing in powers of two keeps the buffers from being made anew
** for each that is a little larger than the last. */
static simdjson::error_code parser_reserve(PythiaJsonParser *p, size_t n) {
    if (n <= p->capacity) return simdjson::SUCCESS;
    if (n > simdjson::SIMDJSON_MAXSIZE_BYTES) return simdjson::CAPACITY;
    size_t capacity = 65536;
    while (capacity < n)
        capacity *= 2;
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES) capacity = simdjson::SIMDJSON_MAXSIZE_BYTES;
    p->capacity = 0;
    simdjson::error_code failure = p->parser.doc.allocate(capacity);
    if (!failure) failure = p->parser.allocate(capacity, PYTHIA_JSON_DEPTH_MAX);
    if (!failure) p->capacity = capacity;
    return failure;
}

static int result_of(simdjson::error_code failure) {
    switch (failure) {
    case simdjson::SUCCESS:
        return PYTHIA_JSON_OK;
    case simdjson::MEMALLOC:
        return PYTHIA_JSON_NOMEM;
    case simdjson::CAPACITY:
        return PYTHIA_JSON_TOOBIG;
    case simdjson::DEPTH_ERROR:
        return PYTHIA_JSON_DEPTH;
    case simdjson::UTF8_ERROR:
        return PYTHIA_JSON_UTF8;
    case simdjson::STRING_ERROR: /* a lone surrogate */
    case simdjson::NUMBER_ERROR: /* beyond 64 bits or beyond a double */
    case simdjson::N_ATOM_ERROR: /* nan */
    case simdjson::TAPE_ERROR:   /* NaN, Infinity */
        return PYTHIA_JSON_MENDABLE;
    default:
        return PYTHIA_JSON_SYNTAX;
    }
}

extern "C" PythiaJsonParser *pythia_json_parser_new(void) {
    void *memory = pythia_alloc(sizeof(PythiaJsonParser));
    return memory ? new (memory) PythiaJsonParser() : nullptr;
}

extern "C" int pythia_json_is_utf8(const unsigned char *bytes, size_t n) {
    return simdjson::validate_utf8(reinterpret_cast<const char *>(bytes), n);
}

extern "C" void pythia_json_parser_free(PythiaJsonParser *parser) {
    if (!parser) return;
    parser->~PythiaJsonParser();
    pythia_free(parser);
}

extern "C" int pythia_json_parser_run(PythiaJsonParser *parser, const unsigned char *bytes,
                                      size_t n, PythiaJsonTape *tape, const char **why) {
    simdjson::error_code failure = parser_reserve(parser, n);
    if (!failure) failure = parser->parser.parse(bytes, n, false).error();
    if (failure) {
        *why = simdjson::error_message(failure);
        return result_of(failure);
    }
    tape->words = parser->parser.doc.tape.get();
    tape->strings = parser->parser.doc.string_buf.get();
    return PYTHIA_JSON_OK;
}
