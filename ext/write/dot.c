/* dot.c - the causal order of traces as graphs in Graphviz's DOT language, one digraph a trace.
**
** Nodes are events: "<trace point> <phase>", and how long after the first event of the trace they happened.
** Edges are those of pythia_edges, with how long they took: fork and join dashed, links dotted, what is on
** the critical path red and bold. Effective times, as order and path use them. */
#include "ext/trace/graph.h"
#include "ext/write/formats.h"

typedef struct DotState {
    uint32_t *next_on_path; /* [event]: the next event on the critical path, or PYTHIA_NO_SPAN */
    size_t capacity;
} DotState;

/* A text inside a quoted string: backslashes would begin an escape of the language. */
static void dot_text(PythiaBuf *out, PythiaText text) {
    PythiaBuf clean = {0};
    pythia_buf_utf8(&clean, text);
    for (size_t i = 0; i < clean.n; i++) {
        unsigned char c = clean.data[i];
        if (c == '"' || c == '\\') pythia_buf_byte(out, '\\');
        pythia_buf_byte(out, c < ' ' ? ' ' : c);
    }
    if (clean.rc && !out->rc) out->rc = clean.rc;
    pythia_buf_clear(&clean);
}

static void dot_ns(PythiaBuf *out, int64_t ns) {
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
    int64_t size = ns < 0 ? -ns : ns;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (size < units[i].ns) continue;
        pythia_buf_format(out, "%.4g %s", (double)ns / (double)units[i].ns, units[i].name);
        return;
    }
    pythia_buf_format(out, "%lld ns", (long long)ns);
}

static void dot_node(PythiaBuf *out, const PythiaExportTrace *t, uint32_t event, int64_t first_ns,
                     int on_path) {
    pythia_buf_format(out, "  e%u [label=\"", event);
    dot_text(out, pythia_names_tracepoint_text(t->names, pythia_event_tracepoint(t->trace, event)));
    pythia_buf_format(out, "\\n%s, +", pythia_phase_name(pythia_event_phase(t->trace, event)));
    dot_ns(out, pythia_event_time_ns(t->trace, event) - first_ns);
    pythia_buf_str(out, on_path ? "\", color=red];\n" : "\"];\n");
}

typedef struct DotEdges {
    PythiaExport *export;
    const PythiaExportTrace *t;
    const uint32_t *next_on_path;
    char **error;
} DotEdges;

static int dot_edge(void *context, const PythiaEdge *edge) {
    static const char *const styles[] = {
        "", "", "", ", style=dashed", ", style=dashed", ", style=dotted"};
    DotEdges *e = context;
    PythiaBuf *out = &e->export->out;
    int on_path = e->next_on_path[edge->source] == edge->destination;
    pythia_buf_format(out, "  e%u -> e%u [label=\"", edge->source, edge->destination);
    dot_ns(out, pythia_event_time_ns(e->t->trace, edge->destination) -
                    pythia_event_time_ns(e->t->trace, edge->source));
    pythia_buf_format(out, "\"%s%s];\n", on_path ? ", color=red, penwidth=2" : "",
                      edge->kind >= 0 && edge->kind <= PYTHIA_EDGE_LINK ? styles[edge->kind] : "");
    return pythia_export_step(e->export, e->error);
}

static int dot_trace(PythiaExport *export, const PythiaExportTrace *t, char **error) {
    DotState *s = export->state;
    PythiaBuf *out = &export->out;
    uint32_t n = pythia_trace_events(t->trace);
    char digits[PYTHIA_ID_CHARS];
    int rc = pythia_grow((void **)&s->next_on_path, &s->capacity, (size_t)n + 1,
                         sizeof *s->next_on_path);
    if (rc) return rc;
    memset(s->next_on_path, 0xff, n * sizeof *s->next_on_path);
    for (uint32_t i = 0; i + 1 < t->path->n; i++)
        s->next_on_path[t->path->steps[i].event] = t->path->steps[i + 1].event;
    int64_t first_ns = INT64_MAX;
    for (uint32_t i = 0; i < t->trace->nspans; i++)
        if (t->trace->spans[i].from_ns < first_ns) first_ns = t->trace->spans[i].from_ns;
    pythia_buf_str(out, "digraph \"");
    dot_text(out, pythia_names_id_text(t->names, t->trace->id, digits));
    pythia_buf_str(out, "\" {\n  label=\"");
    dot_text(out, pythia_names_text(t->names, t->request->type));
    pythia_buf_str(out, "\\n");
    dot_ns(out, t->request->end_ns - t->request->start_ns);
    pythia_buf_str(out, "\";\n  labelloc=t;\n  node [shape=box];\n");
    uint32_t last = t->path->n ? t->path->steps[t->path->n - 1].event : PYTHIA_NO_SPAN;
    for (uint32_t event = 0; !rc && event < n; event++) {
        if (!pythia_event_exists(t->trace, event)) continue;
        dot_node(out, t, event, first_ns,
                 s->next_on_path[event] != PYTHIA_NO_SPAN || event == last);
        rc = pythia_export_step(export, error);
    }
    DotEdges edges = {export, t, s->next_on_path, error};
    if (!rc) rc = pythia_graph_edges(t->trace, t->model, t->names, dot_edge, &edges);
    pythia_buf_str(out, "}\n");
    return rc;
}

static void dot_release(void *state) {
    pythia_free(((DotState *)state)->next_on_path);
}

const PythiaExportFormat pythia_export_dot = {
    .name = "dot",
    .analyse = 1,
    .trace = dot_trace,
    .state_bytes = sizeof(DotState),
    .release = dot_release,
};
