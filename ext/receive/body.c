/* body.c - what a received body is worth.
**
** The body is read as it will be when it is collected, by the same reader with a sink that only counts, so that
** the answer which a sender gets is what pythia_problems will say. Decompressing is done here beforehand and to
** a bound: the reader itself would follow a small body that unpacks without end. */
#include "ext/receive/internal.h"

#include "ext/base/library.h"
#include "ext/base/mem.h"
#include "ext/read/read.h"

#include <zlib.h>

/* Length of the media type in front of parameters and blanks. */
static size_t type_length(const char *text) {
    size_t n = strcspn(text, "; \t,");
    return n;
}

static int is_type(const char *text, const char *type) {
    return type_length(text) == strlen(type) &&
           sqlite3_strnicmp(text, type, (int)strlen(type)) == 0;
}

int receive_media_type(const char *content_type) {
    if (!content_type) return RECEIVE_OTHER;
    if (is_type(content_type, "application/x-protobuf")) return RECEIVE_PROTOBUF;
    return is_type(content_type, "application/json") ? RECEIVE_JSON : RECEIVE_OTHER;
}

int receive_encoding(const char *encoding) {
    if (!encoding || !*encoding || is_type(encoding, "identity")) return 1;
    return is_type(encoding, "gzip") ? 2 : 0;
}

/* ---- decompression ------------------------------------------------------------------------------------ */

static int fail(BodyVerdict *verdict, int status, const char *reason) {
    verdict->status = status;
    sqlite3_snprintf((int)sizeof verdict->reason, verdict->reason, "%s", reason);
    return status;
}

/* Inflates gzip members one behind the other; the status to answer when that fails, else 200. */
static int unpack(PythiaText body, PythiaBuf *out, BodyVerdict *verdict) {
    z_stream z = {.zalloc = pythia_library_array, .zfree = pythia_library_free};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return fail(verdict, 500, "no memory");
    z.next_in = (Bytef *)(uintptr_t)body.p;
    z.avail_in = (uInt)body.n;
    int result = Z_OK, status = 200;
    while (status == 200 && (z.avail_in || result != Z_STREAM_END)) {
        size_t step = 64 * 1024;
        if (result == Z_STREAM_END) inflateReset(&z); /* the next member */
        unsigned char *room =
            out->n + step > PYTHIA_RECEIVE_UNPACKED ? NULL : pythia_buf_room(out, step);
        if (!room) {
            status = out->rc
                         ? fail(verdict, 500, "no memory")
                         : fail(verdict, 413, "the body unpacks to more than the receiver takes");
            break;
        }
        z.next_out = room;
        z.avail_out = (uInt)step;
        result = inflate(&z, Z_NO_FLUSH);
        out->n -= z.avail_out;
        if (result == Z_MEM_ERROR)
            status = fail(verdict, 500, "no memory");
        else if (result != Z_OK && result != Z_STREAM_END)
            status = fail(verdict, 400, "the body is not gzip, is damaged or cut off");
    }
    inflateEnd(&z);
    return status;
}

/* ---- trial ---------------------------------------------------------------------------------------------- */

static int trial_span(void *context, const PythiaRecord *record) {
    (void)record;
    ((BodyVerdict *)context)->spans++;
    return SQLITE_OK;
}

static int trial_problem(void *context, const PythiaProblem *problem) {
    BodyVerdict *verdict = context;
    if (!verdict->reason[0])
        sqlite3_snprintf((int)sizeof verdict->reason, verdict->reason, "%s", problem->detail);
    return SQLITE_OK;
}

void receive_judge(PythiaText body, int gzip, BodyVerdict *verdict) {
    PythiaBuf unpacked = {0};
    PythiaReadStats stats = {0};
    PythiaReadOptions options = {.format = "otlp"};
    char *error = NULL;
    memset(verdict, 0, sizeof *verdict);
    verdict->status = 200;
    if (gzip) {
        unpack(body, &unpacked, verdict);
        body = (PythiaText){(const char *)unpacked.data, unpacked.n};
    }
    /* A message without fields is an empty protobuf body, and right. */
    if (verdict->status == 200 && body.n) {
        PythiaSink sink = {.context = verdict, .span = trial_span, .problem = trial_problem};
        int rc = pythia_read_text(body, &options, &sink, &stats, &error);
        verdict->rejected = stats.rejected;
        if (rc == SQLITE_NOMEM)
            fail(verdict, 500, "no memory");
        else if (rc)
            fail(verdict, 400, error ? error : sqlite3_errstr(rc));
        else if (!verdict->spans && (stats.rejected || (!stats.documents && verdict->reason[0])))
            verdict->status = 400; /* the reason is there */
    }
    sqlite3_free(stats.memory);
    sqlite3_free(error);
    pythia_buf_clear(&unpacked);
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

/* A length-delimited field of a protobuf message. */
static void put_field(PythiaBuf *out, unsigned field, const void *bytes, size_t n) {
    pythia_buf_varint(out, field << 3 | 2);
    pythia_buf_varint(out, n);
    pythia_buf_bytes(out, bytes, n);
}

static void answer_protobuf(const BodyVerdict *verdict, PythiaBuf *out) {
    PythiaText reason = pythia_text(verdict->reason);
    if (verdict->status != 200) { /* google.rpc.Status: 1 code, 2 message */
        pythia_buf_varint(out, 1 << 3);
        pythia_buf_varint(out, 3); /* INVALID_ARGUMENT */
        put_field(out, 2, reason.p, reason.n);
        return;
    }
    if (!verdict->rejected) return; /* an empty message */
    PythiaBuf partial = {0}; /* ExportTracePartialSuccess: 1 rejected_spans, 2 error_message */
    pythia_buf_varint(&partial, 1 << 3);
    pythia_buf_varint(&partial, (uint64_t)verdict->rejected);
    put_field(&partial, 2, reason.p, reason.n);
    if (partial.rc && !out->rc) out->rc = partial.rc;
    put_field(out, 1, partial.data, partial.n);
    pythia_buf_clear(&partial);
}

static void answer_json(const BodyVerdict *verdict, PythiaBuf *out) {
    if (verdict->status != 200) {
        pythia_buf_str(out, "{\"code\":3,\"message\":");
        pythia_buf_json_text(out, pythia_text(verdict->reason));
        pythia_buf_str(out, "}");
    } else if (verdict->rejected) {
        pythia_buf_format(out, "{\"partialSuccess\":{\"rejectedSpans\":\"%lld\",\"errorMessage\":",
                          (long long)verdict->rejected);
        pythia_buf_json_text(out, pythia_text(verdict->reason));
        pythia_buf_str(out, "}}");
    } else {
        pythia_buf_str(out, "{}");
    }
}

void receive_answer(int media_type, const BodyVerdict *verdict, PythiaBuf *out) {
    if (media_type == RECEIVE_PROTOBUF)
        answer_protobuf(verdict, out);
    else
        answer_json(verdict, out);
}
