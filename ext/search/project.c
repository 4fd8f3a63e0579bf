/* project.c - see project.h. */
#include "ext/search/project.h"

typedef struct Project {
    const PythiaTrace *in;
    PythiaTrace *out;
    const unsigned char *drop;
    uint32_t ndrop;
    uint32_t *keeper; /* [span of in]: the nearest kept ancestor, or itself */
    uint32_t *place;  /* [span of in]: its index in out before the build */
} Project;

static int is_dropped(const Project *p, uint32_t tracepoint) {
    return tracepoint < p->ndrop && p->drop[tracepoint] && !p->in->is_dag;
}

static int add_span(Project *p, uint32_t i) {
    PythiaSpan span = p->in->spans[i];
    p->keeper[i] = i;
    p->place[i] = p->out->nspans;
    if (span.parent >= 0) {
        uint32_t parent = p->keeper[span.parent];
        if (parent != (uint32_t)span.parent) span.parent_id = p->in->spans[parent].id;
    }
    int rc = pythia_trace_add_resource(p->out, &p->in->resources[span.resource], &span.resource);
    return rc ? rc : pythia_trace_add_span(p->out, &span, p->in->values + span.first_value);
}

static int add_points_and_links(Project *p) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < p->in->npoints; i++) {
        PythiaPoint point = p->in->points[i];
        if (p->keeper[point.span] != point.span || is_dropped(p, point.tracepoint)) continue;
        point.span = p->place[point.span];
        rc = pythia_trace_add_point(p->out, &point, p->in->values + point.first_value);
    }
    for (uint32_t i = 0; !rc && i < p->in->nlinks; i++) {
        PythiaLinkTo link = p->in->links[i];
        if (p->keeper[link.from_span] != link.from_span) continue;
        link.from_span = p->place[link.from_span];
        rc = pythia_trace_add_link(p->out, &link, p->in->values + link.first_value);
    }
    return rc;
}

int pythia_trace_without(const PythiaTrace *in, const unsigned char *drop, uint32_t ndrop,
                         const PythiaNames *names, PythiaTrace *out) {
    Project p = {in, out, drop, ndrop, NULL, NULL};
    pythia_trace_reset(out);
    out->id = in->id;
    p.keeper = pythia_alloc_array((size_t)in->nspans + 1, sizeof *p.keeper);
    p.place = pythia_alloc_array((size_t)in->nspans + 1, sizeof *p.place);
    int rc = p.keeper && p.place ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < in->nspans; i++) {
        if (in->spans[i].parent < 0 || !is_dropped(&p, in->spans[i].tracepoint))
            rc = add_span(&p, i);
        else
            p.keeper[i] = p.keeper[in->spans[i].parent];
    }
    if (!rc) rc = add_points_and_links(&p);
    if (!rc) rc = pythia_trace_build(out, names);
    pythia_free(p.keeper);
    pythia_free(p.place);
    return rc;
}
