/* generate.c - writes the inputs of the benchmark: made-up traces, the same bytes for the same options.
**
**   generate [--traces N] [--format otlp|otlp-pb|jaeger] [--variant plain|scattered|entropy]
**            [--shapes N] [--seed N] > file
**
** Formats: otlp is OTLP JSON, one ExportTraceServiceRequest a line. otlp-pb is the same request as
** protobuf, each behind its length in 4 bytes, most significant first. jaeger is {"data":[...]} with one
** trace a line; its times are microseconds, so nanosecond digits are lost there.
**
** Content: traces of 20 spans, 16 operations in 8 services (two each), 8 hosts. A trace takes one of
** --shapes trees (default 64, lower ones more often; 0: each trace has a tree of its own), whose root
** is the request type; so traces fall into groups as requests of a real system do. Every service of a
** trace runs on one host. Start offsets and durations are random to the nanosecond; a child lies inside
** its parent but for one in 50, which outlives it. Ids are random: 128 bits for traces, 64 for spans.
** Attributes: http.method and http.status_code are constant, queue.length is uniform in 0..39,
** net.peer.name has 40 values.
**
** Variants: plain is one trace a line, grouped by resource. scattered writes spans by their end times as
** exporters do: some 200 traces are open at any time, and each resource (service and host) sends a line
** whenever it has 20 spans. entropy is plain with three attributes more: an integer below a million, a
** double of 15 digits, and a text of 10,000 values.
**
** A request is built in one buffer and written in pieces of a megabyte: 500 MB take a second or two. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPANS = 20, SERVICES = 8, HOSTS = 8, OPERATIONS = 16, PEERS = 40 };
enum { FORMAT_OTLP, FORMAT_PROTOBUF, FORMAT_JAEGER };
enum { VARIANT_PLAIN, VARIANT_SCATTERED, VARIANT_ENTROPY };

static const char *const service_names[SERVICES] = {"frontend", "cart",     "catalogue", "payment",
                                                    "shipping", "currency", "account",   "search"};
static const char *const operation_names[OPERATIONS] = {
    "GET /",          "POST /checkout", "cart.add",         "cart.load",
    "catalogue.list", "catalogue.get",  "payment.charge",   "payment.verify",
    "shipping.quote", "shipping.book",  "currency.convert", "currency.rates",
    "account.login",  "account.load",   "search.query",     "search.suggest"};

/* A tree: for each span, in an order in which parents come first, its parent and its operation, and how
** long it takes as a share of its parent's time. */
typedef struct Shape {
    int parent[SPANS];
    int operation[SPANS];
    double share[SPANS];
} Shape;

typedef struct Span {
    uint64_t trace[2], id, parent; /* parent 0: a root */
    int64_t start_ns, end_ns;
    int operation, host, kind; /* kind as OTLP numbers it */
    int queue, peer;
    uint32_t integer, text; /* variant entropy */
    uint64_t fraction;      /* the same: the double is fraction / 1e15 */
} Span;

typedef struct Buffer {
    char *at;
    size_t n, size;
} Buffer;

typedef struct Generator {
    int format, variant;
    int64_t traces, nshapes;
    uint64_t seed, random;
    Shape *shapes;
    Buffer out, resource, scope, span, part; /* the last four: nested messages of protobuf */
} Generator;

/* ---- buffers ---- */

static void die(const char *why) {
    fprintf(stderr, "generate: %s\n", why);
    exit(1);
}

static void room(Buffer *b, size_t n) {
    if (b->n + n <= b->size) return;
    b->size = (b->n + n) * 2;
    b->at = realloc(b->at, b->size);
    if (!b->at) die("out of memory");
}

static void put(Buffer *b, const void *bytes, size_t n) {
    room(b, n);
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

#define PUT(b, literal) put((b), (literal), sizeof(literal) - 1)

static void put_text(Buffer *b, const char *text) {
    put(b, text, strlen(text));
}

static void put_byte(Buffer *b, int byte) {
    room(b, 1);
    b->at[b->n++] = (char)byte;
}

/* A number in decimal with at least `width` digits. */
static void put_decimal(Buffer *b, uint64_t value, int width) {
    char digits[24];
    int at = (int)sizeof digits;
    while (value || width > 0) {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
        width--;
    }
    put(b, digits + at, sizeof digits - (size_t)at);
}

static void put_hex(Buffer *b, uint64_t value) {
    static const char hex[] = "0123456789abcdef";
    room(b, 16);
    for (int i = 0; i < 16; i++)
        b->at[b->n++] = hex[value >> (60 - 4 * i) & 15];
}

static void flush(Generator *g, size_t more_than) {
    if (g->out.n <= more_than) return;
    if (fwrite(g->out.at, 1, g->out.n, stdout) != g->out.n) die("cannot write");
    g->out.n = 0;
}

/* ---- randomness: SplitMix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t random_below(uint64_t *state, uint32_t n) {
    return (uint32_t)((random_bits(state) >> 32) * n >> 32);
}

static double random_unit(uint64_t *state) {
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

/* ---- traces ---- */

static void shape_make(Shape *shape, int64_t number, uint64_t seed) {
    uint64_t state = seed ^ (0x5851f42d4c957f2du * (uint64_t)(number + 1));
    shape->parent[0] = -1;
    shape->operation[0] = (int)(number % OPERATIONS);
    shape->share[0] = 1;
    for (int i = 1; i < SPANS; i++) {
        int reach = i < 6 ? i : 6;
        shape->parent[i] = i - 1 - (int)random_below(&state, (uint32_t)reach);
        shape->operation[i] = (int)random_below(&state, OPERATIONS);
        shape->share[i] = 0.1 + 0.6 * random_unit(&state);
    }
}

/* Low numbers more often: the first of 64 shapes is taken by one trace in 8. */
static void shape_choose(Generator *g, int64_t trace, Shape *shape) {
    if (!g->nshapes) {
        shape_make(shape, trace, g->seed);
        return;
    }
    double u = random_unit(&g->random);
    *shape = g->shapes[(int64_t)(u * u * (double)g->nshapes)];
}

static void span_place(Generator *g, Span *span, const Span *parent, double share) {
    int64_t whole = parent->end_ns - parent->start_ns;
    int64_t length = (int64_t)((double)whole * share * (0.5 + random_unit(&g->random))) + 1;
    if (length >= whole) length = whole - 1;
    if (length < 1) length = 1;
    span->start_ns =
        parent->start_ns + (int64_t)((double)(whole - length) * random_unit(&g->random));
    span->end_ns = span->start_ns + length;
    if (random_below(&g->random, 50) == 0) span->end_ns += whole; /* outlives its parent */
}

static void trace_make(Generator *g, int64_t number, int64_t start_ns, Span spans[SPANS]) {
    Shape shape;
    int hosts[SERVICES];
    uint64_t high = random_bits(&g->random), low = random_bits(&g->random);
    shape_choose(g, number, &shape);
    for (int i = 0; i < SERVICES; i++)
        hosts[i] = (int)random_below(&g->random, HOSTS);
    for (int i = 0; i < SPANS; i++) {
        Span *span = &spans[i];
        int parent = shape.parent[i];
        span->trace[0] = high;
        span->trace[1] = low;
        span->id = random_bits(&g->random) | 1;
        span->operation = shape.operation[i];
        span->host = hosts[span->operation / 2];
        span->queue = (int)random_below(&g->random, 40);
        span->peer = (int)random_below(&g->random, PEERS);
        if (g->variant == VARIANT_ENTROPY) {
            span->integer = random_below(&g->random, 1000001);
            span->text = random_below(&g->random, 10000);
            span->fraction = random_bits(&g->random) % 1000000000000000u;
        }
        if (parent < 0) {
            double scale = -log(1 - random_unit(&g->random));
            span->parent = 0;
            span->kind = 2;
            span->start_ns = start_ns;
            span->end_ns = start_ns + 20000000 + (int64_t)(scale * 30000000);
        } else {
            span->parent = spans[parent].id;
            span->kind = spans[parent].operation / 2 == span->operation / 2 ? 1 : 2;
            span_place(g, span, &spans[parent], shape.share[i]);
        }
    }
}

/* ---- OTLP JSON ---- */

static void json_span(Buffer *b, const Span *span, int variant) {
    PUT(b, "{\"traceId\":\"");
    put_hex(b, span->trace[0]);
    put_hex(b, span->trace[1]);
    PUT(b, "\",\"spanId\":\"");
    put_hex(b, span->id);
    if (span->parent) {
        PUT(b, "\",\"parentSpanId\":\"");
        put_hex(b, span->parent);
    }
    PUT(b, "\",\"name\":\"");
    put_text(b, operation_names[span->operation]);
    PUT(b, "\",\"kind\":");
    put_decimal(b, (uint64_t)span->kind, 1);
    PUT(b, ",\"startTimeUnixNano\":\"");
    put_decimal(b, (uint64_t)span->start_ns, 1);
    PUT(b, "\",\"endTimeUnixNano\":\"");
    put_decimal(b, (uint64_t)span->end_ns, 1);
    PUT(b, "\",\"attributes\":[{\"key\":\"http.method\",\"value\":{\"stringValue\":\"GET\"}},"
           "{\"key\":\"http.status_code\",\"value\":{\"intValue\":\"200\"}},"
           "{\"key\":\"queue.length\",\"value\":{\"intValue\":\"");
    put_decimal(b, (uint64_t)span->queue, 1);
    PUT(b, "\"}},{\"key\":\"net.peer.name\",\"value\":{\"stringValue\":\"peer-");
    put_decimal(b, (uint64_t)span->peer, 2);
    PUT(b, ".internal\"}}");
    if (variant == VARIANT_ENTROPY) {
        PUT(b, ",{\"key\":\"rows.read\",\"value\":{\"intValue\":\"");
        put_decimal(b, span->integer, 1);
        PUT(b, "\"}},{\"key\":\"cache.ratio\",\"value\":{\"doubleValue\":0.");
        put_decimal(b, span->fraction, 15);
        PUT(b, "}},{\"key\":\"customer.id\",\"value\":{\"stringValue\":\"customer-");
        put_decimal(b, span->text, 4);
        PUT(b, "\"}}");
    }
    PUT(b, "],\"status\":{}}");
}

static void json_resource_begin(Buffer *b, int service, int host) {
    PUT(b,
        "{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"");
    put_text(b, service_names[service]);
    PUT(b, "\"}},{\"key\":\"host.name\",\"value\":{\"stringValue\":\"host-");
    put_decimal(b, (uint64_t)host, 1);
    PUT(b,
        "\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"bench\",\"version\":\"1.0\"},\"spans\":[");
}

/* ---- OTLP protobuf; field numbers of opentelemetry.proto.trace.v1 ---- */

static void put_varint(Buffer *b, uint64_t value) {
    while (value >= 128) {
        put_byte(b, (int)(value & 127) | 128);
        value >>= 7;
    }
    put_byte(b, (int)value);
}

static void pb_bytes(Buffer *b, int field, const void *bytes, size_t n) {
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, n);
    put(b, bytes, n);
}

static void pb_text(Buffer *b, int field, const char *text) {
    pb_bytes(b, field, text, strlen(text));
}

static void pb_varint(Buffer *b, int field, uint64_t value) {
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, value);
}

static void put_little(Buffer *b, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        put_byte(b, (int)(value >> 8 * i & 255));
}

static void pb_fixed64(Buffer *b, int field, uint64_t value) {
    put_varint(b, (uint64_t)field << 3 | 1);
    put_little(b, value, 8);
}

/* An id: most significant byte first, as its hexadecimal form reads. */
static void pb_id(Buffer *b, int field, const uint64_t *words, int n) {
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, 8 * (uint64_t)n);
    for (int i = 0; i < n; i++)
        for (int shift = 56; shift >= 0; shift -= 8)
            put_byte(b, (int)(words[i] >> shift & 255));
}

/* A KeyValue whose AnyValue stands in g->part. */
static void pb_attribute(Generator *g, Buffer *to, int field, const char *key) {
    size_t key_bytes = strlen(key), value = g->part.n;
    put_varint(to, (uint64_t)field << 3 | 2);
    put_varint(to, 2 + key_bytes + 2 + value); /* both lengths are below 128 */
    pb_bytes(to, 1, key, key_bytes);
    pb_bytes(to, 2, g->part.at, value);
    g->part.n = 0;
}

static void pb_attribute_text(Generator *g, Buffer *to, int field, const char *key,
                              const char *text) {
    pb_text(&g->part, 1, text);
    pb_attribute(g, to, field, key);
}

static void pb_attribute_integer(Generator *g, Buffer *to, const char *key, uint64_t value) {
    pb_varint(&g->part, 3, value);
    pb_attribute(g, to, 9, key);
}

static void pb_attributes(Generator *g, Buffer *b, const Span *span) {
    char text[32];
    pb_attribute_text(g, b, 9, "http.method", "GET");
    pb_attribute_integer(g, b, "http.status_code", 200);
    pb_attribute_integer(g, b, "queue.length", (uint64_t)span->queue);
    snprintf(text, sizeof text, "peer-%02d.internal", span->peer);
    pb_attribute_text(g, b, 9, "net.peer.name", text);
    if (g->variant != VARIANT_ENTROPY) return;
    double ratio = (double)span->fraction / 1e15;
    uint64_t bits;
    memcpy(&bits, &ratio, 8);
    pb_attribute_integer(g, b, "rows.read", span->integer);
    pb_fixed64(&g->part, 4, bits);
    pb_attribute(g, b, 9, "cache.ratio");
    snprintf(text, sizeof text, "customer-%04u", (unsigned)span->text);
    pb_attribute_text(g, b, 9, "customer.id", text);
}

static void pb_span(Generator *g, const Span *span) {
    Buffer *b = &g->span;
    b->n = 0;
    pb_id(b, 1, span->trace, 2);
    pb_id(b, 2, &span->id, 1);
    if (span->parent) pb_id(b, 4, &span->parent, 1);
    pb_text(b, 5, operation_names[span->operation]);
    pb_varint(b, 6, (uint64_t)span->kind);
    pb_fixed64(b, 7, (uint64_t)span->start_ns);
    pb_fixed64(b, 8, (uint64_t)span->end_ns);
    pb_attributes(g, b, span);
    pb_bytes(&g->scope, 2, b->at, b->n);
}

static void pb_resource_begin(Generator *g, int service, int host) {
    char name[16];
    snprintf(name, sizeof name, "host-%d", host);
    g->resource.n = g->scope.n = g->span.n = 0;
    pb_attribute_text(g, &g->span, 1, "service.name", service_names[service]);
    pb_attribute_text(g, &g->span, 1, "host.name", name);
    pb_bytes(&g->resource, 1, g->span.at, g->span.n);
    g->span.n = 0;
    pb_text(&g->span, 1, "bench");
    pb_text(&g->span, 2, "1.0");
    pb_bytes(&g->scope, 1, g->span.at, g->span.n);
}

/* ---- requests ---- */

/* Begins a request and returns where it stands in the buffer. */
static size_t request_begin(Generator *g) {
    size_t at = g->out.n;
    if (g->format == FORMAT_PROTOBUF)
        put(&g->out, "\0\0\0", 4); /* the length, filled in at the end */
    else
        PUT(&g->out, "{\"resourceSpans\":[");
    return at;
}

/* The spans of `spans` that are of this service and host, as one element of resourceSpans. */
static void request_resource(Generator *g, const Span *spans, int n, int service, int host,
                             int first) {
    int written = 0;
    if (g->format == FORMAT_PROTOBUF) {
        pb_resource_begin(g, service, host);
    } else {
        if (!first) PUT(&g->out, ",");
        json_resource_begin(&g->out, service, host);
    }
    for (int i = 0; i < n; i++) {
        if (spans[i].operation / 2 != service || spans[i].host != host) continue;
        if (g->format == FORMAT_PROTOBUF) {
            pb_span(g, &spans[i]);
        } else {
            if (written++) PUT(&g->out, ",");
            json_span(&g->out, &spans[i], g->variant);
        }
    }
    if (g->format == FORMAT_PROTOBUF) {
        pb_bytes(&g->resource, 2, g->scope.at, g->scope.n);
        pb_bytes(&g->out, 1, g->resource.at, g->resource.n);
    } else {
        PUT(&g->out, "]}]}");
    }
}

static void request_end(Generator *g, size_t at) {
    if (g->format == FORMAT_PROTOBUF) {
        size_t n = g->out.n - at - 4;
        for (int i = 0; i < 4; i++)
            g->out.at[at + (size_t)i] = (char)(n >> (24 - 8 * i) & 255);
    } else {
        PUT(&g->out, "]}\n");
    }
    flush(g, 1 << 20);
}

static void request_trace(Generator *g, const Span spans[SPANS]) {
    size_t at = request_begin(g);
    unsigned done = 0;
    for (int i = 0; i < SPANS; i++) {
        int service = spans[i].operation / 2;
        if (done >> service & 1) continue;
        request_resource(g, spans, SPANS, service, spans[i].host, !done);
        done |= 1u << service;
    }
    request_end(g, at);
}

/* ---- Jaeger ---- */

static void jaeger_tag(Buffer *b, const char *key, const char *type) {
    PUT(b, "{\"key\":\"");
    put_text(b, key);
    PUT(b, "\",\"type\":\"");
    put_text(b, type);
    PUT(b, "\",\"value\":");
}

static void jaeger_tags(Generator *g, Buffer *b, const Span *span) {
    jaeger_tag(b, "span.kind", "string");
    put_text(b, span->kind == 2 ? "\"server\"}," : "\"internal\"},");
    jaeger_tag(b, "http.method", "string");
    PUT(b, "\"GET\"},");
    jaeger_tag(b, "http.status_code", "int64");
    PUT(b, "200},");
    jaeger_tag(b, "queue.length", "int64");
    put_decimal(b, (uint64_t)span->queue, 1);
    PUT(b, "},");
    jaeger_tag(b, "net.peer.name", "string");
    PUT(b, "\"peer-");
    put_decimal(b, (uint64_t)span->peer, 2);
    PUT(b, ".internal\"}");
    if (g->variant != VARIANT_ENTROPY) return;
    PUT(b, ",");
    jaeger_tag(b, "rows.read", "int64");
    put_decimal(b, span->integer, 1);
    PUT(b, "},");
    jaeger_tag(b, "cache.ratio", "float64");
    PUT(b, "0.");
    put_decimal(b, span->fraction, 15);
    PUT(b, "},");
    jaeger_tag(b, "customer.id", "string");
    PUT(b, "\"customer-");
    put_decimal(b, span->text, 4);
    PUT(b, "\"}");
}

static void jaeger_trace_id(Buffer *b, const Span *span) {
    PUT(b, "\"traceID\":\"");
    put_hex(b, span->trace[0]);
    put_hex(b, span->trace[1]);
    PUT(b, "\",");
}

static void jaeger_span(Generator *g, Buffer *b, const Span *span) {
    PUT(b, "{");
    jaeger_trace_id(b, span);
    PUT(b, "\"spanID\":\"");
    put_hex(b, span->id);
    PUT(b, "\",\"flags\":1,\"operationName\":\"");
    put_text(b, operation_names[span->operation]);
    PUT(b, "\",\"references\":[");
    if (span->parent) {
        PUT(b, "{\"refType\":\"CHILD_OF\",");
        jaeger_trace_id(b, span);
        PUT(b, "\"spanID\":\"");
        put_hex(b, span->parent);
        PUT(b, "\"}");
    }
    PUT(b, "],\"startTime\":");
    put_decimal(b, (uint64_t)span->start_ns / 1000, 1);
    PUT(b, ",\"duration\":");
    put_decimal(b, (uint64_t)(span->end_ns / 1000 - span->start_ns / 1000), 1);
    PUT(b, ",\"tags\":[");
    jaeger_tags(g, b, span);
    PUT(b, "],\"logs\":[],\"processID\":\"p");
    put_decimal(b, (uint64_t)span->operation / 2 + 1, 1);
    PUT(b, "\",\"warnings\":null}");
}

static void jaeger_trace(Generator *g, const Span spans[SPANS]) {
    Buffer *b = &g->out;
    int hosts[SERVICES], any = 0;
    for (int i = 0; i < SERVICES; i++)
        hosts[i] = -1;
    PUT(b, "{\"data\":[{");
    jaeger_trace_id(b, &spans[0]);
    PUT(b, "\"spans\":[");
    for (int i = 0; i < SPANS; i++) {
        if (i) PUT(b, ",");
        jaeger_span(g, b, &spans[i]);
        hosts[spans[i].operation / 2] = spans[i].host;
    }
    PUT(b, "],\"processes\":{");
    for (int i = 0; i < SERVICES; i++) {
        if (hosts[i] < 0) continue;
        put_text(b, any++ ? ",\"p" : "\"p");
        put_decimal(b, (uint64_t)i + 1, 1);
        PUT(b, "\":{\"serviceName\":\"");
        put_text(b, service_names[i]);
        PUT(b, "\",\"tags\":[");
        jaeger_tag(b, "hostname", "string");
        PUT(b, "\"host-");
        put_decimal(b, (uint64_t)hosts[i], 1);
        PUT(b, "\"}]}");
    }
    PUT(b, "},\"warnings\":null}]}\n");
    flush(g, 1 << 20);
}

/* ---- the whole input ---- */

/* 2025-01-01; a trace starts every quarter of a millisecond, which with a mean length of 50 ms makes
** 200 at a time. */
static const int64_t epoch_ns = 1735689600000000000, spacing_ns = 250000;

static int64_t trace_start(Generator *g, int64_t number) {
    return epoch_ns + number * spacing_ns + (int64_t)random_below(&g->random, (uint32_t)spacing_ns);
}

/* Spans that have not ended yet: a binary heap, the earliest end on top; and per resource what waits
** for its batch to be full. */
typedef struct Arrivals {
    Span *heap;
    size_t n, size;
    Span batch[SERVICES][HOSTS][SPANS];
    int waiting[SERVICES][HOSTS];
} Arrivals;

static void heap_push(Arrivals *a, const Span *span) {
    if (a->n == a->size) {
        a->size = a->size ? a->size * 2 : 16384;
        a->heap = realloc(a->heap, a->size * sizeof(Span));
        if (!a->heap) die("out of memory");
    }
    size_t at = a->n++;
    for (; at && a->heap[(at - 1) / 2].end_ns > span->end_ns; at = (at - 1) / 2)
        a->heap[at] = a->heap[(at - 1) / 2];
    a->heap[at] = *span;
}

static Span heap_pop(Arrivals *a) {
    Span top = a->heap[0], last = a->heap[--a->n];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < a->n; at = child) {
        if (child + 1 < a->n && a->heap[child + 1].end_ns < a->heap[child].end_ns) child++;
        if (a->heap[child].end_ns >= last.end_ns) break;
        a->heap[at] = a->heap[child];
    }
    a->heap[at] = last;
    return top;
}

static void batch_send(Generator *g, Arrivals *a, int service, int host) {
    int n = a->waiting[service][host];
    if (!n) return;
    size_t at = request_begin(g);
    request_resource(g, a->batch[service][host], n, service, host, 1);
    request_end(g, at);
    a->waiting[service][host] = 0;
}

/* Sends what had ended by that time. */
static void arrivals_until(Generator *g, Arrivals *a, int64_t time_ns) {
    while (a->n && a->heap[0].end_ns <= time_ns) {
        Span span = heap_pop(a);
        int service = span.operation / 2;
        a->batch[service][span.host][a->waiting[service][span.host]++] = span;
        if (a->waiting[service][span.host] == SPANS) batch_send(g, a, service, span.host);
    }
}

static void generate_scattered(Generator *g) {
    static Arrivals arrivals;
    Span spans[SPANS];
    for (int64_t i = 0; i < g->traces; i++) {
        int64_t start_ns = trace_start(g, i);
        arrivals_until(g, &arrivals, start_ns);
        trace_make(g, i, start_ns, spans);
        for (int k = 0; k < SPANS; k++)
            heap_push(&arrivals, &spans[k]);
    }
    arrivals_until(g, &arrivals, INT64_MAX);
    for (int service = 0; service < SERVICES; service++)
        for (int host = 0; host < HOSTS; host++)
            batch_send(g, &arrivals, service, host);
    free(arrivals.heap);
}

static void generate_whole(Generator *g) {
    Span spans[SPANS];
    memset(spans, 0, sizeof spans);
    for (int64_t i = 0; i < g->traces; i++) {
        trace_make(g, i, trace_start(g, i), spans);
        if (g->format == FORMAT_JAEGER)
            jaeger_trace(g, spans);
        else
            request_trace(g, spans);
    }
}

static int word_of(const char *word, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0) return i;
    fprintf(stderr, "generate: no such word: %s\n", word);
    exit(2);
}

static void options_read(Generator *g, int argc, char **argv) {
    static const char *const formats[] = {"otlp", "otlp-pb", "jaeger", NULL};
    static const char *const variants[] = {"plain", "scattered", "entropy", NULL};
    static const char *const options[] = {"--traces", "--format", "--variant",
                                          "--shapes", "--seed",   NULL};
    for (int i = 1; i < argc; i += 2) {
        int option = word_of(argv[i], options);
        if (i + 1 == argc) die("the last option has no value");
        long long number = strtoll(argv[i + 1], NULL, 10);
        if (option == 0) g->traces = number;
        if (option == 1) g->format = word_of(argv[i + 1], formats);
        if (option == 2) g->variant = word_of(argv[i + 1], variants);
        if (option == 3) g->nshapes = number;
        if (option == 4) g->seed = (uint64_t)number;
    }
    if (g->traces < 0 || g->nshapes < 0 || g->nshapes > 1000000) die("a number is out of range");
    if (g->format == FORMAT_JAEGER && g->variant == VARIANT_SCATTERED)
        die("a line of Jaeger's is one whole trace; it cannot be scattered");
}

int main(int argc, char **argv) {
    Generator g = {.traces = 50000, .nshapes = 64, .seed = 1};
    options_read(&g, argc, argv);
    g.random = g.seed;
    g.shapes = calloc((size_t)g.nshapes + 1, sizeof(Shape));
    if (!g.shapes) die("out of memory");
    for (int64_t i = 0; i < g.nshapes; i++)
        shape_make(&g.shapes[i], i, g.seed);
    if (g.variant == VARIANT_SCATTERED)
        generate_scattered(&g);
    else
        generate_whole(&g);
    flush(&g, 0);
    if (fflush(stdout)) die("cannot write");
    Buffer *buffers[] = {&g.out, &g.resource, &g.scope, &g.span, &g.part};
    for (int i = 0; i < 5; i++)
        free(buffers[i]->at);
    free(g.shapes);
    return 0;
}
