/* test_group_encode.c - the stored form of groups: it reads back the same, and a damaged one is refused whole. */
#include "ext/group/group.h"
#include "tests/unit/trace_util.h"

static PythiaSum any_sum(SampleRandom *random) {
    uint64_t high =
        (uint64_t)sample_below(random, UINT32_MAX) << 32 | sample_below(random, 1u << 30);
    uint64_t low =
        (uint64_t)sample_below(random, UINT32_MAX) << 32 | sample_below(random, 1u << 30);
    switch (sample_below(random, 4)) {
    case 0:
        return 0;
    case 1:
        return (PythiaSum)low;
    case 2:
        return -(PythiaSum)low;
    default:
        return (PythiaSum)(int64_t)high * ((PythiaSum)1 << 63) + (PythiaSum)low;
    }
}

static PythiaGroup *group_make(PythiaGroups *groups, uint64_t id) {
    PythiaGroup *group = NULL;
    CU_ASSERT_EQUAL_FATAL(
        pythia_groups_get(groups, (PythiaHash128){.hi = id, .lo = ~id}, UINT32_MAX, &group),
        SQLITE_OK);
    return group;
}

/* A group of `nedges` edges, every third of which has no member left. */
static PythiaGroup *group_fill(PythiaGroups *groups, SampleRandom *random, uint32_t nedges) {
    PythiaGroup *group = group_make(groups, UINT64_MAX - nedges);
    group->n = 1000;
    group->overflow = (int)(nedges & 1);
    group->sum = any_sum(random);
    group->squares = any_sum(random);
    group->min_ns = INT64_MIN;
    group->max_ns = INT64_MAX;
    for (uint32_t i = 0; i < nedges; i++) {
        PythiaGroupEdge *e;
        CU_ASSERT_EQUAL_FATAL(
            pythia_group_edge(group, UINT32_MAX - i, (int)(i % 3), i * i, (int)(i / 3 % 3), &e),
            SQLITE_OK);
        e->kind = (uint8_t)(i % 6);
        e->between = i & 1 ? UINT32_MAX - i : 0;
        e->n = i % 3 == 2 ? 0 : 1 + sample_below(random, 1000);
        e->kind_n = e->n ? 1 + sample_below(random, (uint32_t)e->n) : 0;
        e->between_n = e->n ? 1 + sample_below(random, (uint32_t)e->n) : 0;
        e->sum = any_sum(random);
        e->squares = any_sum(random);
        e->product = any_sum(random);
        e->offsets = any_sum(random);
    }
    return group;
}

static PythiaText text_of(const PythiaBuf *buf) {
    return (PythiaText){(const char *)buf->data, buf->n};
}

static void encode(const PythiaGroup *group, PythiaBuf *head, PythiaBuf *edges) {
    *head = *edges = (PythiaBuf){0};
    pythia_group_encode_head(group, head);
    pythia_group_encode_edges(group, edges);
    CU_ASSERT_EQUAL_FATAL(head->rc, SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(edges->rc, SQLITE_OK);
}

static void check_same_edges(const PythiaGroup *group, PythiaGroup *back) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < group->nedges; i++) {
        const PythiaGroupEdge *e = &group->edges[i];
        PythiaGroupEdge *f;
        if (e->n == 0) continue;
        n++;
        CU_ASSERT_EQUAL_FATAL(pythia_group_edge(back, e->source, e->source_phase, e->destination,
                                                e->destination_phase, &f),
                              SQLITE_OK);
        CU_ASSERT(e->kind == f->kind && e->between == f->between && e->n == f->n);
        CU_ASSERT(e->kind_n == f->kind_n && e->between_n == f->between_n);
        CU_ASSERT(e->sum == f->sum && e->squares == f->squares && e->product == f->product &&
                  e->offsets == f->offsets);
    }
    CU_ASSERT_EQUAL(back->nedges, n); /* looking them up made none */
}

static void test_round_trip(void) {
    SampleRandom random = {99};
    for (uint32_t n = 0; n < 70; n++) {
        PythiaGroups groups = {0}, other = {0};
        PythiaBuf head, edges;
        PythiaGroup *group = group_fill(&groups, &random, n), *back;
        encode(group, &head, &edges);
        CU_ASSERT_EQUAL_FATAL(pythia_group_decode_head(&other, group->id, text_of(&head), &back),
                              SQLITE_OK);
        CU_ASSERT(back->id == group->id && back->signature.hi == group->signature.hi &&
                  back->signature.lo == group->signature.lo &&
                  back->request_type == group->request_type && back->n == group->n &&
                  back->overflow == group->overflow && back->min_ns == group->min_ns &&
                  back->max_ns == group->max_ns);
        CU_ASSERT(back->sum == group->sum && back->squares == group->squares);
        CU_ASSERT(!back->dirty && !back->edges_loaded);
        CU_ASSERT_EQUAL(pythia_group_decode_edges(back, text_of(&edges)), SQLITE_OK);
        CU_ASSERT_TRUE(back->edges_loaded);
        check_same_edges(group, back);
        pythia_buf_clear(&head);
        pythia_buf_clear(&edges);
        pythia_groups_clear(&groups);
        pythia_groups_clear(&other);
    }
}

static int head_rc(uint64_t id, const void *bytes, size_t n) {
    PythiaGroups groups = {0};
    PythiaGroup *group;
    int rc = pythia_group_decode_head(&groups, id, (PythiaText){bytes, n}, &group);
    pythia_groups_clear(&groups);
    return rc;
}

/* Of a group that has 1000 members. *left: edges that the group shows afterwards. */
static int edges_rc(const void *bytes, size_t n, uint32_t *left) {
    PythiaGroups groups = {0};
    PythiaGroup *group = group_make(&groups, 5);
    group->n = 1000;
    group->edges_loaded = 0;
    int rc = pythia_group_decode_edges(group, (PythiaText){bytes, n});
    CU_ASSERT_EQUAL(group->edges_loaded, rc == SQLITE_OK);
    *left = group->nedges;
    pythia_groups_clear(&groups);
    return rc;
}

/* A copy of the first n bytes that ends where the memory ends, for the sanitizers to see. */
static void *exact_copy(const PythiaBuf *buf, size_t n) {
    void *copy = pythia_alloc(n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, buf->data, n);
    return copy;
}

static void test_truncated(void) {
    SampleRandom random = {3};
    PythiaGroups groups = {0};
    PythiaBuf head, edges;
    uint32_t left;
    const PythiaGroup *group = group_fill(&groups, &random, 20);
    encode(group, &head, &edges);
    for (size_t n = 0; n < head.n; n++) {
        void *copy = exact_copy(&head, n);
        CU_ASSERT_EQUAL(head_rc(group->id, copy, n), SQLITE_CORRUPT_VTAB);
        pythia_free(copy);
    }
    for (size_t n = 0; n < edges.n; n++) {
        void *copy = exact_copy(&edges, n);
        CU_ASSERT_EQUAL(edges_rc(copy, n, &left), SQLITE_CORRUPT_VTAB);
        CU_ASSERT_EQUAL(left, 0);
        pythia_free(copy);
    }
    CU_ASSERT_EQUAL(head_rc(group->id, head.data, head.n), SQLITE_OK);
    CU_ASSERT_EQUAL(edges_rc(edges.data, edges.n, &left), SQLITE_OK);
    pythia_buf_byte(&head, 0);
    pythia_buf_byte(&edges, 0);
    CU_ASSERT_EQUAL(head_rc(group->id, head.data, head.n), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(edges_rc(edges.data, edges.n, &left), SQLITE_CORRUPT_VTAB);
    pythia_buf_clear(&head);
    pythia_buf_clear(&edges);
    pythia_groups_clear(&groups);
}

static void test_wrong_head(void) {
    SampleRandom random = {4};
    PythiaGroups groups = {0};
    PythiaBuf head, edges;
    PythiaGroup *group = group_fill(&groups, &random, 1);
    encode(group, &head, &edges);
    CU_ASSERT_EQUAL(head_rc(group->id + 1, head.data, head.n), SQLITE_CORRUPT_VTAB);
    head.data[0] ^= 0x40; /* version */
    CU_ASSERT_EQUAL(head_rc(group->id, head.data, head.n), SQLITE_CORRUPT_VTAB);
    pythia_buf_clear(&head);
    pythia_buf_clear(&edges);
    group->n = 0;
    encode(group, &head, &edges);
    CU_ASSERT_EQUAL(head_rc(group->id, head.data, head.n), SQLITE_CORRUPT_VTAB);
    pythia_buf_clear(&head);
    pythia_buf_clear(&edges);
    pythia_groups_clear(&groups);
}

/* An edge of one member by hand: small numbers, so that each is one byte. */
static void put_edge(PythiaBuf *out, unsigned char bits, int64_t n, int64_t others) {
    pythia_buf_varint(out, 1);
    pythia_buf_byte(out, bits);
    pythia_buf_varint(out, 2);
    pythia_buf_varint(out, 0);
    pythia_buf_zigzag(out, n);
    pythia_buf_zigzag(out, others);
    pythia_buf_zigzag(out, 0);
    for (int i = 0; i < 4; i++) {
        pythia_buf_u64(out, 1);
        pythia_buf_zigzag(out, 0);
    }
}

/* others: members that say another kind. */
static int rc_with_others(uint64_t count, unsigned char bits, int64_t n, unsigned char second,
                          int64_t others) {
    PythiaBuf out = {0};
    uint32_t left;
    pythia_buf_byte(&out, 1);
    pythia_buf_varint(&out, count);
    put_edge(&out, bits, n, others);
    put_edge(&out, second, n, 0);
    CU_ASSERT_EQUAL_FATAL(out.rc, SQLITE_OK);
    pythia_buf_u64(&out, pythia_hash64(out.data, out.n));
    CU_ASSERT_EQUAL_FATAL(out.rc, SQLITE_OK);
    int rc = edges_rc(out.data, out.n, &left);
    CU_ASSERT_EQUAL(left, rc ? 0 : 2);
    pythia_buf_clear(&out);
    return rc;
}

static int rc_of_edges(uint64_t count, unsigned char bits, int64_t n, unsigned char second) {
    return rc_with_others(count, bits, n, second, 0);
}

static void test_wrong_edges(void) {
    CU_ASSERT_EQUAL(rc_of_edges(2, 0, 1, 1), SQLITE_OK);
    CU_ASSERT_EQUAL(rc_of_edges(2, 5 << 4, 1000, 1), SQLITE_OK);
    CU_ASSERT_EQUAL(rc_of_edges(2, 6 << 4, 1, 1), SQLITE_CORRUPT_VTAB); /* no such kind */
    CU_ASSERT_EQUAL(rc_of_edges(2, 3, 1, 1), SQLITE_CORRUPT_VTAB);      /* nor phase */
    CU_ASSERT_EQUAL(rc_of_edges(2, 3 << 2, 1, 1), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(rc_of_edges(2, 1, 1, 1), SQLITE_CORRUPT_VTAB); /* twice the same */
    CU_ASSERT_EQUAL(rc_of_edges(2, 0, 0, 1), SQLITE_CORRUPT_VTAB); /* nobody has it */
    CU_ASSERT_EQUAL(rc_of_edges(2, 0, -1, 1), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(rc_of_edges(2, 0, 1001, 1), SQLITE_CORRUPT_VTAB); /* more than there are */
    CU_ASSERT_EQUAL(rc_of_edges(1, 0, 1, 1), SQLITE_CORRUPT_VTAB);    /* something is left */
    CU_ASSERT_EQUAL(rc_of_edges(3, 0, 1, 1), SQLITE_CORRUPT_VTAB);    /* something is missing */
    CU_ASSERT_EQUAL(rc_of_edges(UINT64_MAX, 0, 1, 1), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(rc_with_others(2, 0, 3, 1, 2), SQLITE_OK);
    CU_ASSERT_EQUAL(rc_with_others(2, 0, 3, 1, 3),
                    SQLITE_CORRUPT_VTAB); /* then who says this one? */
    CU_ASSERT_EQUAL(rc_with_others(2, 0, 3, 1, -1), SQLITE_CORRUPT_VTAB);
}

/* Makes the checksum at the end right. */
static void seal(PythiaBuf *buf) {
    uint64_t sum = pythia_hash64(buf->data, buf->n - 8);
    for (int i = 0; i < 8; i++)
        buf->data[buf->n - 8 + (size_t)i] = (unsigned char)(sum >> (8 * i));
}

/* Whatever the bytes are: a refusal that leaves nothing behind; with a checksum that says they are right, an
** answer or a refusal. */
static void test_flipped(void) {
    SampleRandom random = {5};
    PythiaGroups groups = {0};
    PythiaBuf head, edges;
    uint32_t left;
    int ok = 0, bad = 0;
    const PythiaGroup *group = group_fill(&groups, &random, 12);
    encode(group, &head, &edges);
    for (int i = 0; i < 20000; i++) {
        PythiaBuf *buf = i & 1 ? &head : &edges;
        size_t at = sample_below(&random, (uint32_t)buf->n - 8);
        unsigned char before = buf->data[at];
        buf->data[at] = (unsigned char)(before ^ 1u << sample_below(&random, 8));
        if (i & 2) seal(buf);
        int rc =
            i & 1 ? head_rc(group->id, head.data, head.n) : edges_rc(edges.data, edges.n, &left);
        CU_ASSERT(rc == SQLITE_OK || rc == SQLITE_CORRUPT_VTAB);
        if (!(i & 1) && rc) CU_ASSERT_EQUAL(left, 0);
        if (!(i & 2)) CU_ASSERT_EQUAL(rc, SQLITE_CORRUPT_VTAB);
        ok += rc == SQLITE_OK;
        bad += rc != SQLITE_OK;
        buf->data[at] = before;
        seal(buf);
    }
    CU_ASSERT(ok > 0 && bad > 0);
    pythia_buf_clear(&head);
    pythia_buf_clear(&edges);
    pythia_groups_clear(&groups);
}

/* A refused blob does not stand in the way of a good one. */
static void test_again(void) {
    SampleRandom random = {6};
    PythiaGroups groups = {0}, other = {0};
    PythiaBuf head, edges;
    PythiaGroup *group = group_fill(&groups, &random, 40), *back;
    encode(group, &head, &edges);
    CU_ASSERT_EQUAL_FATAL(pythia_group_decode_head(&other, group->id, text_of(&head), &back),
                          SQLITE_OK);
    PythiaText shorter = {(const char *)edges.data, edges.n - 1};
    CU_ASSERT_EQUAL(pythia_group_decode_edges(back, shorter), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(pythia_group_decode_edges(back, text_of(&edges)), SQLITE_OK);
    check_same_edges(group, back);
    pythia_buf_clear(&head);
    pythia_buf_clear(&edges);
    pythia_groups_clear(&groups);
    pythia_groups_clear(&other);
}

PYTHIA_SUITE(group_encode, {"what is written reads back the same", test_round_trip},
             {"a shorter or longer blob is damage", test_truncated},
             {"so is a head of another group, version or of nobody", test_wrong_head},
             {"so is every impossible edge", test_wrong_edges},
             {"any flipped bit gives an answer or a refusal", test_flipped},
             {"after a refusal the good blob is read", test_again})
