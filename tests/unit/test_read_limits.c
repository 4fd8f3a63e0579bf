/* test_read_limits.c - OTLP protobuf, Zipkin and Zstandard at the edge of what is taken.
**
** Bytes are put together by hand from the field numbers in opentelemetry-proto and from RFC 8878. */
#include "tests/unit/test_read.h"

#define T "5b8efff798038103d269b633813fc60c"

static void put_varint(PythiaBuf *out, unsigned number, uint64_t value) {
    pythia_buf_varint(out, (uint64_t)number << 3);
    pythia_buf_varint(out, value);
}

static void put_bytes(PythiaBuf *out, unsigned number, const void *bytes, size_t n) {
    pythia_buf_varint(out, (uint64_t)number << 3 | 2);
    pythia_buf_varint(out, n);
    if (n) pythia_buf_bytes(out, bytes, n);
}

/* The message as a field of another; it is freed. */
static void put_message(PythiaBuf *out, unsigned number, PythiaBuf *message) {
    put_bytes(out, number, message->data, message->n);
    pythia_buf_clear(message);
}

/* A span that the caller may go on with. */
static PythiaBuf span_begin(void) {
    static const unsigned char trace[] = {0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03,
                                          0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c};
    PythiaBuf span = {0};
    put_bytes(&span, 1, trace, sizeof trace);
    put_bytes(&span, 2, "\xee\xe1\x9b\x7e\xc3\xc1\xb1\x74", 8);
    pythia_buf_byte(&span, 7 << 3 | 1);
    pythia_buf_u64(&span, 1000);
    pythia_buf_byte(&span, 8 << 3 | 1);
    pythia_buf_u64(&span, 1500);
    return span;
}

/* A message of that span, which is freed; its ScopeSpans have the number given. */
static PythiaBuf message_of(PythiaBuf *span, unsigned scopes) {
    PythiaBuf message = {0}, part = {0}, scope = {0};
    put_message(&scope, 2, span);
    put_bytes(&part, 1, "", 0);
    put_message(&part, scopes, &scope);
    put_message(&message, 1, &part);
    return message;
}

static void put_frame(PythiaBuf *out, const PythiaBuf *message) {
    for (int shift = 24; shift >= 0; shift -= 8)
        pythia_buf_byte(out, (unsigned char)(message->n >> shift));
    pythia_buf_bytes(out, message->data, message->n);
}

#define SPAN_LINE "S " T " eee19b7ec3c1b174 - @  k0 s0 f0 1000+500"

static void one_span(PythiaBuf *span, unsigned scopes, const char *lines) {
    PythiaBuf message = message_of(span, scopes);
    CU_ASSERT_EQUAL_FATAL(message.rc, SQLITE_OK);
    Seen seen = seen_text((char *)message.data, message.n);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen_has(&seen, lines));
    seen_clear(&seen);
    pythia_buf_clear(&message);
}

/* Files from before 2022 have their ScopeSpans under another number, with a tag of two bytes. */
static void test_old_scopes(void) {
    PythiaBuf span = span_begin();
    one_span(&span, 1000, SPAN_LINE);
    span = span_begin();
    PythiaBuf message = message_of(&span, 1000);
    CU_ASSERT_EQUAL_FATAL(message.rc, SQLITE_OK);
    /* cut behind the span's last byte but one: no span, and told */
    Seen seen = seen_text((char *)message.data, message.n - 1);
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
    seen_clear(&seen);
    pythia_buf_clear(&message);
}

/* A count is 32 bits wide whatever its varint holds. */
static void test_dropped(void) {
    PythiaBuf span = span_begin();
    put_varint(&span, 12, ((uint64_t)1 << 32) + 5);
    one_span(&span, 2, SPAN_LINE "\na otel.dropped_events_count=5i");
}

static void test_link_inside(void) {
    PythiaBuf span = span_begin(), link = {0};
    put_bytes(&link, 2, "\0\0\0\0\0\0\0\x07", 8);
    put_message(&span, 13, &link);
    one_span(&span, 2, SPAN_LINE "\nl0 " T " 0000000000000007");
}

/* A part that claims more than its message has must not take bytes of the next one, not even as few as
** its own tag and length. */
static void test_frame_bounds(void) {
    for (size_t more = 1; more <= 3; more++) {
        PythiaBuf span = span_begin(), text = {0};
        PythiaBuf message = message_of(&span, 2);
        CU_ASSERT_EQUAL_FATAL(message.rc, SQLITE_OK);
        put_frame(&text, &message);
        message.data[1] = (unsigned char)(message.data[1] + more);
        CU_ASSERT_FATAL(message.data[1] < 0x80);
        put_frame(&text, &message);
        message.data[1] = (unsigned char)(message.data[1] - more);
        put_frame(&text, &message);
        CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
        Seen seen = seen_text((char *)text.data, text.n);
        CU_ASSERT_EQUAL(seen.stats.documents, 3);
        CU_ASSERT_EQUAL(seen.stats.spans, 2);
        CU_ASSERT_EQUAL(seen.stats.rejected, 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
        char begin[40];
        snprintf(begin, sizeof begin, "! syntax @%zu ", 4 + message.n + 4);
        CU_ASSERT_EQUAL(seen_count(&seen, begin), 1);
        seen_clear(&seen);
        pythia_buf_clear(&text);
        pythia_buf_clear(&message);
    }
}

/* Port 0 is how no port is written. */
static void test_zipkin_port(void) {
    Seen seen = seen_str("[{\"traceId\":\"" T "\",\"id\":\"1\",\"timestamp\":1,\"duration\":2,"
                         "\"remoteEndpoint\":{\"ipv4\":\"10.0.0.1\",\"port\":0}}]");
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT(seen_has(&seen, "a net.peer.ip=\"10.0.0.1\""));
    CU_ASSERT_EQUAL(seen_count(&seen, "a net.peer.port"), 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
}

/* A frame that holds the text as it is, in one raw block. Its window is 2^(10 + power) bytes. */
static void put_zstd(PythiaBuf *out, const char *text, unsigned power) {
    uint32_t block = (uint32_t)strlen(text) << 3 | 1;
    pythia_buf_str(out, "\x28\xb5\x2f\xfd");
    pythia_buf_byte(out, 0);
    pythia_buf_byte(out, (unsigned char)(power << 3));
    for (int shift = 0; shift < 24; shift += 8)
        pythia_buf_byte(out, (unsigned char)(block >> shift));
    pythia_buf_str(out, text);
}

/* `zstd --long` makes windows of 128 MiB; what needs more is refused before memory is asked for. */
static void test_zstd_window(void) {
    static const char text[] =
        "[{\"traceId\":\"" T "\",\"id\":\"1\",\"timestamp\":1,\"duration\":2}]";
    for (unsigned power = 17; power <= 18; power++) {
        PythiaBuf frame = {0};
        put_zstd(&frame, text, power);
        CU_ASSERT_EQUAL_FATAL(frame.rc, SQLITE_OK);
        Seen seen = seen_read((char *)frame.data, frame.n, NULL, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(seen.stats.spans, power == 17);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), power == 18);
        CU_ASSERT_EQUAL(seen_count(&seen, "! size "), power == 18);
        seen_clear(&seen);
        pythia_buf_clear(&frame);
    }
}

PYTHIA_SUITE(read_limits, {"ScopeSpans under their old number", test_old_scopes},
             {"counts of 32 bits", test_dropped}, {"a link within its trace", test_link_inside},
             {"a part stays in its message", test_frame_bounds},
             {"Zipkin's port 0", test_zipkin_port}, {"the window of Zstandard", test_zstd_window})
