/* pairs.c - see pairs.h.
**
** Where the time goes, in a join of two trace points over small traces: a pass over the trace points finds the spans
** of both sides; each pair of spans is a climb to where they part, which decides its four pairs of events. A trace
** without one of the points costs the pass alone. The first time a segment is asked, decoding four columns and making
** the order of all its spans takes several times as long. */
#include "ext/capture/pairs.h"
#include "ext/capture/internal.h"

enum {
    PLAIN_SPANS_MOST = 1024, /* of a trace: a climb may be as long as that */
    PLAIN_PAIRS_MOST = 4096  /* of spans in one trace that are tested one by one */
};

/* ---- views ------------------------------------------------------------------------------------------- */

/* What is attached to a segment: one piece of memory, the arrays behind. */
struct PythiaViewOrder {
    unsigned forgotten;             /* of the capture: what it was made from may be another now */
    const PythiaOutlineSpan *spans; /* [span] */
    const unsigned char *plain;     /* [trace] */
};

void pythia_view_close(PythiaView *view) {
    pythia_segment_release(view->segment);
    memset(view, 0, sizeof *view);
}

/* The trace points of all spans, then of all points. */
static int view_tracepoints(PythiaView *view, char **error) {
    const uint32_t *all = pythia_segment_attached(view->segment, PYTHIA_ATTACHED_POINTS);
    const size_t spans = view->spans, n = spans + view->points, bytes = (n + 1) * sizeof *all;
    if (!all) {
        int64_t *wide = pythia_alloc_array(n + 1, sizeof *wide);
        uint32_t *made = pythia_alloc(bytes);
        int rc = wide && made ? SQLITE_OK : SQLITE_NOMEM;
        if (!rc)
            rc = pythia_segment_range(view->segment, PYTHIA_COL_SPAN_TRACEPOINT, 0, view->spans,
                                      wide, error);
        if (!rc)
            rc = pythia_segment_range(view->segment, PYTHIA_COL_POINT_TRACEPOINT, 0, view->points,
                                      wide + spans, error);
        for (size_t i = 0; !rc && i < n; i++)
            made[i] = (uint32_t)wide[i];
        pythia_free(wide);
        if (rc) {
            pythia_free(made);
            return rc;
        }
        pythia_segment_attach(view->segment, PYTHIA_ATTACHED_POINTS, made, bytes);
        all = made;
    }
    view->tracepoint = all;
    view->point_tracepoint = all + spans;
    return SQLITE_OK;
}

int pythia_view_is(const PythiaView *view, const PythiaCapture *capture, int64_t segment_id) {
    return view->segment_id == segment_id && view->segment && view->capture == capture &&
           view->forgotten == capture->forgotten;
}

int pythia_view_open(PythiaView *view, PythiaCapture *capture, int64_t segment_id, char **error) {
    if (pythia_view_is(view, capture, segment_id)) return SQLITE_OK;
    pythia_view_close(view);
    int rc = pythia_segment_open(capture->store, segment_id, &view->segment, error);
    if (rc) return rc;
    const PythiaSegmentInfo *info = pythia_segment_info(view->segment);
    view->capture = capture;
    view->segment_id = segment_id;
    view->forgotten = capture->forgotten;
    view->traces = info->traces;
    view->spans = info->spans;
    view->points = info->points;
    const struct {
        int column;
        const int64_t **values;
    } columns[] = {{PYTHIA_COL_TRACE_FIRST_SPAN, &view->first_span},
                   {PYTHIA_COL_TRACE_SPANS, &view->trace_spans},
                   {PYTHIA_COL_TRACE_FIRST_POINT, &view->first_point},
                   {PYTHIA_COL_TRACE_POINTS, &view->trace_points},
                   {PYTHIA_COL_TRACE_IS_DAG, &view->is_dag}};
    uint32_t n;
    for (size_t i = 0; i < sizeof columns / sizeof *columns && !rc; i++)
        rc = pythia_segment_column(view->segment, columns[i].column, columns[i].values, &n, error);
    if (!rc) rc = view_tracepoints(view, error);
    if (rc) pythia_view_close(view);
    return rc;
}

/* Whether all spans have one tolerance. */
static int one_tolerance(const int64_t *tolerance_ns, const uint32_t *tracepoint, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        if (tolerance_ns[tracepoint[i]] != tolerance_ns[tracepoint[0]]) return 0;
    return 1;
}

/* Memory for making an order. */
typedef struct Making {
    int64_t *parent, *from_ns, *to_ns; /* [span] */
    uint32_t *scratch;
    const int64_t *tolerance_ns; /* [trace point], or NULL */
} Making;

static void order_fill(const PythiaView *view, const PythiaModel *model, const int64_t *links,
                       const Making *m, PythiaOutlineSpan *spans, unsigned char *plain) {
    for (uint32_t t = 0; t < view->traces; t++) {
        uint32_t n = (uint32_t)view->trace_spans[t];
        int64_t first = view->first_span[t];
        plain[t] =
            model->causality == PYTHIA_CAUSALITY_SIBLINGS && !links[t] && !view->is_dag[t] && n &&
            n <= PLAIN_SPANS_MOST &&
            (!m->tolerance_ns || one_tolerance(m->tolerance_ns, view->tracepoint + first, n));
        if (plain[t])
            plain[t] = (unsigned char)pythia_outline_make(
                spans + first, m->parent + first, m->from_ns + first, m->to_ns + first, n,
                m->tolerance_ns ? m->tolerance_ns[view->tracepoint[first]] : 0, m->scratch);
    }
}

static int order_make(PythiaView *view, char **error) {
    const size_t spans = view->spans;
    struct PythiaViewOrder *order;
    const size_t head = (sizeof *order + 15) / 16 * 16,
                 bytes = head + spans * sizeof *order->spans + view->traces;
    const int64_t *links;
    const PythiaModel *model;
    uint32_t n;
    Making m = {.parent = pythia_alloc_array(spans + 1, sizeof *m.parent),
                .from_ns = pythia_alloc_array(spans + 1, sizeof *m.from_ns),
                .to_ns = pythia_alloc_array(spans + 1, sizeof *m.to_ns),
                .scratch = pythia_alloc_array(2 * PLAIN_SPANS_MOST + 1, sizeof *m.scratch)};
    order = pythia_alloc(bytes);
    int rc = m.parent && m.from_ns && m.to_ns && m.scratch && order ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc) rc = pythia_capture_model(view->capture, &model, error);
    if (!rc) rc = pythia_capture_tolerances(view->capture, &m.tolerance_ns, error);
    if (!rc) rc = pythia_segment_column(view->segment, PYTHIA_COL_TRACE_LINKS, &links, &n, error);
    if (!rc) rc = pythia_segment_times(view->segment, m.parent, m.from_ns, m.to_ns, error);
    if (!rc) {
        PythiaOutlineSpan *made = (PythiaOutlineSpan *)(void *)((char *)order + head);
        unsigned char *plain = (unsigned char *)(made + spans);
        order_fill(view, model, links, &m, made, plain);
        *order = (struct PythiaViewOrder){view->capture->forgotten, made, plain};
        pythia_segment_attach(view->segment, PYTHIA_ATTACHED_ORDER, order, bytes);
        view->order = order;
        order = NULL;
    }
    pythia_free(order);
    pythia_free(m.parent);
    pythia_free(m.from_ns);
    pythia_free(m.to_ns);
    pythia_free(m.scratch);
    return rc;
}

int pythia_view_order(PythiaView *view, char **error) {
    view->order = pythia_segment_attached(view->segment, PYTHIA_ATTACHED_ORDER);
    if (view->order && view->order->forgotten == view->capture->forgotten) return SQLITE_OK;
    return order_make(view, error);
}

int pythia_view_is_ordered(PythiaCapture *capture, int64_t segment_id) {
    const struct PythiaViewOrder *order =
        pythia_store_attached(capture->store, segment_id, PYTHIA_ATTACHED_ORDER);
    return order && order->forgotten == capture->forgotten;
}

/* What is needed to compare points. */
static int outline_points(const PythiaView *view, uint32_t ordinal, PythiaOutline *outline,
                          char **error) {
    const int64_t first_span = view->first_span[ordinal], first = view->first_point[ordinal];
    const int64_t *tolerance_ns;
    const struct {
        int column;
        const int64_t **values;
        int64_t first;
    } columns[] = {{PYTHIA_COL_SPAN_FROM, &outline->from_ns, first_span},
                   {PYTHIA_COL_SPAN_TO, &outline->to_ns, first_span},
                   {PYTHIA_COL_POINT_SPAN, &outline->point_span, first},
                   {PYTHIA_COL_POINT_TIME, &outline->point_ns, first}};
    uint32_t n;
    int rc = pythia_capture_tolerances(view->capture, &tolerance_ns, error);
    for (size_t i = 0; i < sizeof columns / sizeof *columns && !rc; i++) {
        rc = pythia_segment_column(view->segment, columns[i].column, columns[i].values, &n, error);
        if (!rc) *columns[i].values += columns[i].first;
    }
    outline->first_span = first_span;
    outline->tolerance_ns = !rc && tolerance_ns ? tolerance_ns[view->tracepoint[first_span]] : 0;
    return rc;
}

int pythia_view_outline(const PythiaView *view, uint32_t ordinal, int points,
                        PythiaOutline *outline, int *plain, char **error) {
    *plain = view->order->plain[ordinal];
    if (!*plain) return SQLITE_OK;
    outline->spans = view->order->spans + view->first_span[ordinal];
    outline->nspans = (uint32_t)view->trace_spans[ordinal];
    outline->npoints = (uint32_t)view->trace_points[ordinal];
    return points ? outline_points(view, ordinal, outline, error) : SQLITE_OK;
}

/* The trace at or behind `hint`, else any, whose part of a column begins at or below the row. */
static uint32_t trace_of_row(const int64_t *first, uint32_t n, uint32_t hint, int64_t row) {
    uint32_t low = 0;
    if (hint < n && first[hint] <= row) {
        if (hint + 1 == n || first[hint + 1] > row) return hint;
        low = hint + 1;
        if (low + 1 < n && first[low + 1] > row) return low;
    }
    return pythia_ordinal_of(first, low, n, row);
}

int pythia_view_find(const PythiaView *view, int64_t number, uint32_t hint, uint32_t *ordinal) {
    int64_t points = 2 * (int64_t)view->spans;
    if (number < 0 || number >= points + view->points || !view->traces) return 0;
    *ordinal = number < points
                   ? trace_of_row(view->first_span, view->traces, hint, number / 2)
                   : trace_of_row(view->first_point, view->traces, hint, number - points);
    if (*ordinal >= view->traces || pythia_segment_dead(view->segment, *ordinal)) return 0;
    return number >= points || !view->is_dag[*ordinal] || !(number & 1);
}

/* ---- pairs ------------------------------------------------------------------------------------------- */

/* Collects the members of both sides: spans first, *nspans[side] of them, then points as events. */
static int find_members(const PythiaView *view, uint32_t ordinal, const PythiaPairing *pairing,
                        PythiaPairs *pairs, uint32_t nspans[2], uint32_t npoints[2]) {
    size_t spans = (size_t)view->trace_spans[ordinal], points = (size_t)view->trace_points[ordinal];
    int rc = SQLITE_OK;
    for (int side = 0; side < 2 && !rc; side++)
        if (pairs->members_capacity[side] < spans + points + 1)
            rc = pythia_grow((void **)&pairs->members[side], &pairs->members_capacity[side],
                             spans + points + 1, sizeof *pairs->members[side]);
    if (rc) return rc;
    const uint32_t *tracepoint = view->tracepoint + view->first_span[ordinal];
    const unsigned char *sides = pairing->sides;
    uint32_t *before = pairs->members[0], *after = pairs->members[1], n = 0, m = 0, any = 0;
    for (uint32_t i = 0; i < spans; i++) { /* written whatever the answer, and kept if it is yes */
        unsigned of = sides[tracepoint[i]];
        after[any] = i << 2 | of;
        any += of != 0;
    }
    for (uint32_t k = 0; k < any; k++) {
        uint32_t of = after[k], i = of >> 2;
        before[n] = after[m] = i; /* m is not behind k */
        n += of & 1;
        m += of >> 1 & 1;
    }
    nspans[0] = n;
    nspans[1] = m;
    tracepoint = view->point_tracepoint + view->first_point[ordinal];
    for (uint32_t i = 0; i < points; i++) {
        unsigned of = sides[tracepoint[i]];
        before[n] = after[m] = (uint32_t)(2 * spans) + i;
        n += of & 1 && pairing->phases[0] >> PYTHIA_PHASE_POINT & 1;
        m += of >> 1 & 1 && pairing->phases[1] >> PYTHIA_PHASE_POINT & 1;
    }
    npoints[0] = n - nspans[0];
    npoints[1] = m - nspans[1];
    return SQLITE_OK;
}

static int pairs_room(PythiaPairs *pairs, size_t more) {
    if (pairs->n + more <= pairs->capacity) return SQLITE_OK;
    return pythia_grow((void **)&pairs->pairs, &pairs->capacity, pairs->n + more,
                       sizeof *pairs->pairs);
}

/* The bits of pythia_outline_spans() that the phases of both sides allow. */
static unsigned phase_bits(const PythiaPairing *pairing) {
    unsigned bits = 0;
    for (unsigned x = 0; x < 2; x++)
        for (unsigned y = 0; y < 2; y++)
            if (pairing->phases[0] >> x & 1 && pairing->phases[1] >> y & 1)
                bits |= 1u << (2 * x + y);
    return bits;
}

static int add_span_pairs(PythiaPairs *pairs, const PythiaOutline *outline, int64_t base,
                          unsigned allowed, const uint32_t n[2]) {
    if (!n[0] || !n[1]) return SQLITE_OK;
    int rc = pairs_room(pairs, 4 * (size_t)n[0] * n[1]);
    if (rc) return rc;
    PythiaPair *out = pairs->pairs + pairs->n;
    for (uint32_t i = 0; i < n[0]; i++) {
        uint32_t s = pairs->members[0][i];
        for (uint32_t j = 0; j < n[1]; j++) {
            uint32_t t = pairs->members[1][j];
            unsigned bits = pythia_outline_spans(outline, s, t) & allowed;
            for (; bits; bits &= bits - 1) {
                unsigned k = (unsigned)__builtin_ctz(bits);
                *out++ = (PythiaPair){base + 2 * s + (k >> 1), base + 2 * t + (k & 1)};
            }
        }
    }
    pairs->n = (size_t)(out - pairs->pairs);
    return SQLITE_OK;
}

/* The pair of two events, where x happened before y. */
static int add_tested(PythiaPairs *pairs, const PythiaView *view, uint32_t ordinal,
                      const PythiaOutline *outline, uint32_t x, uint32_t y) {
    if (!pythia_outline_test(outline, x, y)) return SQLITE_OK;
    int rc = pairs_room(pairs, 1);
    if (!rc)
        pairs->pairs[pairs->n++] = (PythiaPair){pythia_view_number(view, ordinal, x),
                                                pythia_view_number(view, ordinal, y)};
    return rc;
}

/* Pairs of the points of one side with the starts and ends of the other; from side 0 also with its points. */
static int add_point_pairs(PythiaPairs *pairs, const PythiaView *view, uint32_t ordinal,
                           const PythiaPairing *pairing, const PythiaOutline *outline, int side,
                           const uint32_t nspans[2], const uint32_t npoints[2]) {
    const uint32_t *points = pairs->members[side] + nspans[side], *others = pairs->members[!side];
    int rc = SQLITE_OK;
    for (uint32_t i = 0; i < npoints[side] && !rc; i++) {
        for (uint32_t j = 0; j < nspans[!side] && !rc; j++)
            for (uint32_t phase = 0; phase < 2 && !rc; phase++) {
                uint32_t event = 2 * others[j] + phase;
                if (!(pairing->phases[!side] >> phase & 1)) continue;
                rc = side ? add_tested(pairs, view, ordinal, outline, event, points[i])
                          : add_tested(pairs, view, ordinal, outline, points[i], event);
            }
        for (uint32_t j = 0; !side && j < npoints[1] && !rc; j++)
            rc = add_tested(pairs, view, ordinal, outline, points[i], others[nspans[1] + j]);
    }
    return rc;
}

/* The events of one side of a trace that is read, ascending. */
static int list_members(PythiaEvents *list, const PythiaPairs *pairs, const PythiaTrace *trace,
                        int side, unsigned phases, uint32_t nspans, uint32_t npoints) {
    int rc = SQLITE_OK;
    list->n = 0;
    for (uint32_t i = 0; i < nspans + npoints && !rc; i++) {
        uint32_t member = pairs->members[side][i];
        for (uint32_t phase = 0; i < nspans && phase < 2 && !rc; phase++) {
            uint32_t event = 2 * member + phase;
            if (pythia_event_exists(trace, event) && phases >> pythia_event_phase(trace, event) & 1)
                rc = pythia_events_add(list, event);
        }
        if (i >= nspans && !rc) rc = pythia_events_add(list, member);
    }
    return rc;
}

static int read_pairs(PythiaView *view, uint32_t ordinal, const PythiaPairing *pairing,
                      PythiaPairs *pairs, const uint32_t nspans[2], const uint32_t npoints[2],
                      PythiaPoll *poll, char **error) {
    PythiaHeld *held;
    PythiaEvents before = {0};
    int rc = pythia_capture_hold(view->capture, view->segment_id, ordinal, 0, &held, error);
    if (rc) return rc;
    rc = pythia_held_order(view->capture, held, error);
    if (!rc)
        rc = list_members(&before, pairs, &held->trace, 0, pairing->phases[0], nspans[0],
                          npoints[0]);
    if (!rc)
        rc = list_members(&pairs->set.list, pairs, &held->trace, 1, pairing->phases[1], nspans[1],
                          npoints[1]);
    pythia_event_set_begin(&pairs->set);
    for (uint32_t i = 0; i < before.n && !rc; i++) {
        pairs->events.n = 0;
        rc = pythia_before_list(&held->before, before.events[i], 1, &pairs->set, &pairs->events,
                                poll);
        if (!rc) rc = pairs_room(pairs, pairs->events.n);
        for (uint32_t k = 0; k < pairs->events.n && !rc; k++)
            pairs->pairs[pairs->n++] =
                (PythiaPair){pythia_view_number(view, ordinal, before.events[i]),
                             pythia_view_number(view, ordinal, pairs->events.events[k])};
    }
    pythia_events_clear(&before);
    pythia_held_release(held);
    return rc;
}

int pythia_view_pairs(PythiaView *view, uint32_t ordinal, const PythiaPairing *pairing,
                      PythiaPairs *pairs, PythiaPoll *poll, char **error) {
    uint32_t nspans[2], npoints[2];
    PythiaOutline outline;
    pairs->n = 0;
    int rc = find_members(view, ordinal, pairing, pairs, nspans, npoints);
    if (rc || !(nspans[0] + npoints[0]) || !(nspans[1] + npoints[1])) return rc;
    int plain = 0;
    uint64_t tests = (uint64_t)(nspans[0] + npoints[0]) * (nspans[1] + npoints[1]);
    rc = pythia_view_order(view, error);
    if (!rc && tests <= PLAIN_PAIRS_MOST)
        rc = pythia_view_outline(view, ordinal, npoints[0] || npoints[1], &outline, &plain, error);
    if (rc) return rc;
    if (!plain) return read_pairs(view, ordinal, pairing, pairs, nspans, npoints, poll, error);
    rc =
        add_span_pairs(pairs, &outline, 2 * view->first_span[ordinal], phase_bits(pairing), nspans);
    for (int side = 0; side < 2 && !rc; side++)
        if (npoints[side])
            rc = add_point_pairs(pairs, view, ordinal, pairing, &outline, side, nspans, npoints);
    return rc;
}

void pythia_pairs_clear(PythiaPairs *pairs) {
    pythia_free(pairs->pairs);
    pythia_free(pairs->members[0]);
    pythia_free(pairs->members[1]);
    pythia_event_set_clear(&pairs->set);
    pythia_events_clear(&pairs->events);
    memset(pairs, 0, sizeof *pairs);
}
