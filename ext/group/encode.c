/* encode.c - the stored form of groups.
**
** All numbers are varints (buf.h), signed ones zigzag; a 128-bit sum is its low 64 bits raw and its high 64
** bits zigzag.
**
**   head   version, signature (hi, lo raw), request type, n, flags (1: overflow), sum, squares, min, max
**   edges  version, count, then per edge: source, source phase | destination phase << 2 | kind << 4,
**          destination, between, n, n - kind_n, n - between_n, sum, squares, product, offsets
**
** Both end with XXH3 of all before, u64, so that damage is told from data. Names are numbers of the store. Decoding trusts nothing: a short blob, a count that does not fit into what is
** left, an unknown version or a phase that does not exist are damage. */
#include "ext/base/bytes.h"
#include "ext/group/group.h"

enum { ENCODING_VERSION = 1, SMALLEST_EDGE = 7 + 4 * 9, SUM_BYTES = 8 };

static void put_checksum(PythiaBuf *out, size_t begin) {
    if (!out->rc) pythia_buf_u64(out, pythia_hash64(out->data + begin, out->n - begin));
}

/* Takes the checksum off the end; 0 when it is wrong. */
static int take_checksum(PythiaText *blob) {
    if (blob->n < SUM_BYTES) return 0;
    blob->n -= SUM_BYTES;
    return pythia_load64((const unsigned char *)blob->p + blob->n) ==
           pythia_hash64(blob->p, blob->n);
}

static void put_sum(PythiaBuf *out, PythiaSum sum) {
    pythia_buf_u64(out, (uint64_t)sum);
    pythia_buf_zigzag(out, (int64_t)(sum >> 64));
}

static PythiaSum get_sum(PythiaBytes *in) {
    uint64_t low = pythia_bytes_u64(in);
    uint64_t high = (uint64_t)pythia_bytes_zigzag(in);
    __extension__ unsigned __int128 bits = (unsigned __int128)high << 64 | low;
    return (PythiaSum)bits;
}

void pythia_group_encode_head(const PythiaGroup *group, PythiaBuf *out) {
    size_t begin = out->n;
    pythia_buf_byte(out, ENCODING_VERSION);
    pythia_buf_u64(out, group->signature.hi);
    pythia_buf_u64(out, group->signature.lo);
    pythia_buf_varint(out, group->request_type);
    pythia_buf_zigzag(out, group->n);
    pythia_buf_byte(out, group->overflow ? 1 : 0);
    put_sum(out, group->sum);
    put_sum(out, group->squares);
    pythia_buf_zigzag(out, group->min_ns);
    pythia_buf_zigzag(out, group->max_ns);
    put_checksum(out, begin);
}

int pythia_group_decode_head(PythiaGroups *groups, uint64_t id, PythiaText blob,
                             PythiaGroup **group) {
    if (!take_checksum(&blob)) return SQLITE_CORRUPT_VTAB;
    PythiaBytes in = pythia_bytes(blob.p, blob.n);
    int version = (int)pythia_bytes_byte(&in);
    PythiaHash128 signature = {0, 0};
    signature.hi = pythia_bytes_u64(&in);
    signature.lo = pythia_bytes_u64(&in);
    uint64_t type = pythia_bytes_varint(&in);
    if (in.bad || version != ENCODING_VERSION || signature.hi != id || type > UINT32_MAX)
        return SQLITE_CORRUPT_VTAB;
    int rc = pythia_groups_get(groups, signature, (uint32_t)type, group);
    if (rc) return rc;
    PythiaGroup *g = *group;
    g->n = pythia_bytes_zigzag(&in);
    g->overflow = pythia_bytes_byte(&in) != 0;
    g->sum = get_sum(&in);
    g->squares = get_sum(&in);
    g->min_ns = pythia_bytes_zigzag(&in);
    g->max_ns = pythia_bytes_zigzag(&in);
    g->edges_loaded = g->dirty = 0;
    return in.bad || pythia_bytes_left(&in) || g->n < 1 ? SQLITE_CORRUPT_VTAB : SQLITE_OK;
}

void pythia_group_encode_edges(const PythiaGroup *group, PythiaBuf *out) {
    uint32_t n = 0;
    size_t begin = out->n;
    for (uint32_t i = 0; i < group->nedges; i++)
        n += group->edges[i].n > 0;
    pythia_buf_byte(out, ENCODING_VERSION);
    pythia_buf_varint(out, n);
    for (uint32_t i = 0; i < group->nedges; i++) {
        const PythiaGroupEdge *e = &group->edges[i];
        if (e->n <= 0) continue;
        pythia_buf_varint(out, e->source);
        pythia_buf_byte(
            out, (unsigned char)(e->source_phase | e->destination_phase << 2 | e->kind << 4));
        pythia_buf_varint(out, e->destination);
        pythia_buf_varint(out, e->between);
        pythia_buf_zigzag(out, e->n);
        pythia_buf_zigzag(out, e->n - e->kind_n);
        pythia_buf_zigzag(out, e->n - e->between_n);
        put_sum(out, e->sum);
        put_sum(out, e->squares);
        put_sum(out, e->product);
        put_sum(out, e->offsets);
    }
    put_checksum(out, begin);
}

static int decode_edge(PythiaGroup *group, PythiaBytes *in) {
    uint64_t source = pythia_bytes_varint(in);
    unsigned bits = pythia_bytes_byte(in);
    uint64_t destination = pythia_bytes_varint(in), between = pythia_bytes_varint(in);
    int source_phase = (int)(bits & 3), destination_phase = (int)(bits >> 2 & 3),
        kind = (int)(bits >> 4);
    if (in->bad || source > UINT32_MAX || destination > UINT32_MAX || between > UINT32_MAX ||
        source_phase > PYTHIA_PHASE_POINT || destination_phase > PYTHIA_PHASE_POINT ||
        kind > PYTHIA_EDGE_LINK)
        return SQLITE_CORRUPT_VTAB;
    PythiaGroupEdge *e;
    int rc = pythia_group_edge(group, (uint32_t)source, source_phase, (uint32_t)destination,
                               destination_phase, &e);
    if (rc) return rc;
    if (e->n) return SQLITE_CORRUPT_VTAB; /* the same edge twice */
    e->kind = (uint8_t)kind;
    e->between = (uint32_t)between;
    e->n = pythia_bytes_zigzag(in);
    int64_t other_kinds = pythia_bytes_zigzag(in), other_spans = pythia_bytes_zigzag(in);
    e->sum = get_sum(in);
    e->squares = get_sum(in);
    e->product = get_sum(in);
    e->offsets = get_sum(in);
    if (in->bad || e->n < 1 || e->n > group->n || other_kinds < 0 || other_kinds >= e->n ||
        other_spans < 0 || other_spans >= e->n)
        return SQLITE_CORRUPT_VTAB;
    e->kind_n = e->n - other_kinds;
    e->between_n = e->n - other_spans;
    return SQLITE_OK;
}

int pythia_group_decode_edges(PythiaGroup *group, PythiaText blob) {
    if (!take_checksum(&blob)) return SQLITE_CORRUPT_VTAB;
    PythiaBytes in = pythia_bytes(blob.p, blob.n);
    int version = (int)pythia_bytes_byte(&in);
    uint64_t n = pythia_bytes_varint(&in);
    if (in.bad || version != ENCODING_VERSION || n > pythia_bytes_left(&in) / SMALLEST_EDGE)
        return SQLITE_CORRUPT_VTAB;
    int rc = SQLITE_OK;
    for (uint64_t i = 0; !rc && i < n; i++)
        rc = decode_edge(group, &in);
    if (!rc && pythia_bytes_left(&in)) rc = SQLITE_CORRUPT_VTAB;
    group->edges_loaded = rc == SQLITE_OK;
    if (rc && group->slots) { /* none rather than some */
        group->nedges = 0;
        memset(group->slots, 0, ((size_t)group->mask + 1) * sizeof *group->slots);
    }
    return rc;
}
