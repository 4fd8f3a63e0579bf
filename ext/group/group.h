/* group.h - groups of requests of the same structure, and their exact moments.
**
** For each group and each of its edges the sums are kept as 128-bit integers of ns: adding a trace and
** taking it away again leaves exactly what was there before, in any order. Means, variances and shares
** follow from them without looking at a member. A sum that would overflow (durations of centuries)
** marks the group: its statistics are NULL from then on.
**
** Edges of a group: trace model, last section. Every member has a value for every edge, 0 where its path
** does not have it, so the values of a member sum to its duration and the shares of a group to 1. */
#ifndef PYTHIA_GROUP_GROUP_H
#define PYTHIA_GROUP_GROUP_H

#include "ext/base/buf.h"
#include "ext/trace/path.h"

/* Aligned like everything that sqlite3_malloc() hands out. */
__extension__ typedef __int128 PythiaSum __attribute__((aligned(8)));

typedef struct PythiaGroupEdge {
    uint32_t source, destination, between; /* trace point ids */
    uint8_t source_phase, destination_phase, kind;
    int64_t n;                 /* members whose path has the edge */
    int64_t kind_n, between_n; /* of these, those that say this kind, this between */
    PythiaSum sum;             /* of value_ns */
    PythiaSum squares;         /* of value_ns^2 */
    PythiaSum product;         /* of value_ns * duration_ns of the member */
    PythiaSum offsets;         /* of offset_ns, over the members that have it */
} PythiaGroupEdge;

typedef struct PythiaGroup {
    uint64_t id; /* = signature.hi */
    PythiaHash128 signature;
    uint32_t request_type;  /* string id */
    int64_t n;              /* members */
    PythiaSum sum, squares; /* of duration_ns */
    int64_t min_ns, max_ns; /* valid unless `extremes_stale` */
    int extremes_stale;     /* a member that had an extreme left */
    int descriptions_stale; /* the last member left that gave an edge its kind or between */
    int overflow;
    int edges_loaded; /* `edges` below is complete; it is loaded apart from the rest */
    PythiaGroupEdge *edges;
    uint32_t nedges;
    size_t edges_capacity;
    uint32_t *slots; /* open addressing over the edges' keys */
    uint32_t mask;
    int dirty; /* differs from what is stored */
} PythiaGroup;

typedef struct PythiaGroups {
    PythiaGroup *groups; /* in no order; a group with n == 0 is gone */
    uint32_t n;
    size_t capacity;
    uint32_t *slots; /* by id */
    uint32_t mask;
} PythiaGroups;

/* A zeroed PythiaGroups is empty. */
void pythia_groups_clear(PythiaGroups *groups);
PythiaGroup *pythia_groups_find(const PythiaGroups *groups,
                                uint64_t id); /* NULL: unknown; borrowed until an add */
/* Finds or makes a group. Two signatures with equal hi are one group (2^-64). */
int pythia_groups_get(PythiaGroups *groups, PythiaHash128 signature, uint32_t request_type,
                      PythiaGroup **group);

/* Adds (sign 1) or takes away (sign -1) one member. The edges must be loaded. Where members differ in the
** kind of an edge or in the span it lies in, the edge shows the smaller kind and the smaller name, so that
** the order of members does not matter; when the last one of those leaves, `descriptions_stale` is set.
** SQLITE_OK, NOMEM, or SQLITE_CORRUPT_VTAB when taking away what is not there. */
int pythia_group_add(PythiaGroup *group, int sign, int64_t duration_ns,
                     const PythiaPathEdges *edges, const PythiaNames *names);

/* Describes the edges afresh: begin, then each member's edges once. */
void pythia_group_describe_begin(PythiaGroup *group);
int pythia_group_describe(PythiaGroup *group, const PythiaPathEdges *edges,
                          const PythiaNames *names);

/* Whether two groups have the same moments, extremes and edges. The edges must be loaded, nothing stale. */
int pythia_group_equal(const PythiaGroup *a, const PythiaGroup *b);

/* Finds or makes an edge, with zero sums when it is new; borrowed until the next call. For decoding. */
int pythia_group_edge(PythiaGroup *group, uint32_t source, int source_phase, uint32_t destination,
                      int destination_phase, PythiaGroupEdge **edge);

/* Stored form. head: everything but the edges. decode checks every count; SQLITE_CORRUPT_VTAB. */
void pythia_group_encode_head(const PythiaGroup *group, PythiaBuf *out);
void pythia_group_encode_edges(const PythiaGroup *group, PythiaBuf *out);
int pythia_group_decode_head(PythiaGroups *groups, uint64_t id, PythiaText blob,
                             PythiaGroup **group);
int pythia_group_decode_edges(PythiaGroup *group, PythiaText blob);

/* Statistics from sums: sample variance, covariance with the total, mean. NaN where undefined (fewer than
** two members, overflow). Exact up to the final rounding to double. */
double pythia_sum_mean(PythiaSum sum, int64_t n);
double pythia_sum_variance(PythiaSum sum, PythiaSum squares, int64_t n);
double pythia_sum_covariance(PythiaSum sum_x, PythiaSum sum_y, PythiaSum product, int64_t n);

/* The thresholds that decide what is a problem; see problem.h and pythia_settings. */
typedef struct PythiaThresholds {
    double cov_threshold;   /* 0.10 */
    double min_stddev_ns;   /* 5e6 */
    double share_threshold; /* 0.01 */
    double slow_quantile;   /* 0.95 */
    int64_t min_samples;    /* 30 */
    double z; /* of the normal distribution at the confidence, 0.95 by default; 0: plain figures */
} PythiaThresholds;

#endif
