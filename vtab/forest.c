/* forest.c - pythia_forest: what each trace point that the loop switched on has told apart.
**
** A binary tree for each request type, over its requests since something was last switched for it. The root has all
** of them; below it lie the branches, the groups that the requests would be in without what the loop switched on;
** and below a branch, for each trace point that was switched on for it, in that order, the requests that pass it
** (present 1) and those that do not (0). eta_before and eta_after: the part of the variance of the type that lies
** between the leaves, without and with the trace point. */
#include "ext/loop/judge.h"
#include "vtab/tables.h"

#include <math.h>

enum {
    COL_TYPE,
    COL_NODE,
    COL_PARENT,
    COL_BRANCH,
    COL_TRACEPOINT,
    COL_PRESENT,
    COL_CYCLE,
    COL_TRACES,
    COL_MEAN,
    COL_STDDEV,
    COL_COV,
    COL_BEFORE,
    COL_AFTER,
    COL_N
};

typedef struct Forest {
    PythiaCursor *cursor;
    const PythiaJudgement *judgement;
    sqlite3_int64 node; /* the last that was given */
} Forest;

/* A node: members of a branch (0: all) with these bits of these trace points. */
typedef struct Node {
    uint64_t branch, mask, present;
    sqlite3_int64 parent; /* 0: none */
    int switched;         /* index, or -1 */
} Node;

static int belongs(const Node *node, const PythiaMember *m) {
    return (!node->branch || m->branch == node->branch) &&
           (m->present & node->mask) == node->present;
}

static void put_statistics(PythiaRows *rows, const PythiaJudgement *j, const Node *node) {
    double n = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < j->n; i++)
        if (belongs(node, &j->members[i])) {
            n++;
            sum += (double)j->members[i].duration_ns;
        }
    double mean = n > 0 ? sum / n : NAN;
    for (size_t i = 0; i < j->n; i++)
        if (belongs(node, &j->members[i])) {
            double off = (double)j->members[i].duration_ns - mean;
            squares += off * off;
        }
    double stddev = n > 1 ? sqrt(squares / (n - 1)) : NAN;
    pythia_rows_int(rows, (sqlite3_int64)n);
    pythia_rows_double(rows, mean);
    pythia_rows_double(rows, stddev);
    pythia_rows_double(rows, mean > 0 ? stddev / mean : NAN);
}

static sqlite3_int64 put_node(Forest *f, const Node *node) {
    PythiaRows *rows = &f->cursor->rows;
    const PythiaJudgement *j = f->judgement;
    const PythiaSwitched *of = node->switched >= 0 ? &j->switched[node->switched] : NULL;
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {0, node->branch, PYTHIA_ID_HEX16};
    pythia_rows_text(rows, j->name);
    pythia_rows_int(rows, ++f->node);
    if (node->parent)
        pythia_rows_int(rows, node->parent);
    else
        pythia_rows_null(rows);
    pythia_rows_text(rows, node->branch ? (PythiaText){text, pythia_id_write(id, text)}
                                        : (PythiaText){NULL, 0});
    pythia_rows_text(rows, of ? of->owned->tracepoint : (PythiaText){NULL, 0});
    if (of) {
        pythia_rows_int(rows, node->present >> node->switched & 1);
        pythia_rows_int(rows, of->owned->cycle);
    } else {
        pythia_rows_null(rows);
        pythia_rows_null(rows);
    }
    put_statistics(rows, j, node);
    pythia_rows_double(rows, of ? pythia_judged_eta(j, (uint32_t)node->switched) : NAN);
    pythia_rows_double(rows, of ? pythia_judged_eta(j, (uint32_t)node->switched + 1) : NAN);
    pythia_rows_end_id(rows, f->node);
    return f->node;
}

static int has_members(const Forest *f, const Node *node) {
    for (size_t i = 0; i < f->judgement->n; i++)
        if (belongs(node, &f->judgement->members[i])) return 1;
    return 0;
}

/* The tree below a branch: a leaf is divided by each trace point in turn, where both sides have members. The
** leaves are few: each has a member. */
static int put_branch(Forest *f, uint64_t branch, sqlite3_int64 root) {
    const PythiaJudgement *j = f->judgement;
    Node *leaves = NULL;
    sqlite3_int64 *ids = NULL;
    size_t n = 1, leaves_capacity = 0, ids_capacity = 0;
    int rc = pythia_grow((void **)&leaves, &leaves_capacity, 1, sizeof *leaves);
    if (!rc) rc = pythia_grow((void **)&ids, &ids_capacity, 1, sizeof *ids);
    if (!rc) {
        leaves[0] = (Node){.branch = branch, .parent = root, .switched = -1};
        ids[0] = put_node(f, &leaves[0]);
    }
    for (uint32_t i = 0; !rc && i < j->nswitched; i++) {
        size_t before = n;
        for (size_t k = 0; !rc && j->switched[i].branch == branch && k < before; k++) {
            Node without = leaves[k], with = leaves[k];
            without.mask = with.mask |= (uint64_t)1 << i;
            with.present |= (uint64_t)1 << i;
            without.switched = with.switched = (int)i;
            without.parent = with.parent = ids[k];
            if (!has_members(f, &with) || !has_members(f, &without)) {
                leaves[k] = has_members(f, &with) ? with : without;
                ids[k] = put_node(f, &leaves[k]);
                continue;
            }
            rc = pythia_grow((void **)&leaves, &leaves_capacity, n + 1, sizeof *leaves);
            if (!rc) rc = pythia_grow((void **)&ids, &ids_capacity, n + 1, sizeof *ids);
            if (rc) break;
            leaves[k] = with;
            leaves[n] = without;
            ids[k] = put_node(f, &with);
            ids[n++] = put_node(f, &without);
        }
    }
    pythia_free(leaves);
    pythia_free(ids);
    return rc;
}

static int put_tree(Forest *f) {
    const PythiaJudgement *j = f->judgement;
    Node root = {.switched = -1};
    if (!j->n) return SQLITE_OK;
    sqlite3_int64 id = put_node(f, &root);
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < j->n; i++) {
        size_t k = 0; /* branches in the order in which members show them */
        while (k < i && j->members[k].branch != j->members[i].branch)
            k++;
        if (k == i) rc = put_branch(f, j->members[i].branch, id);
        if (!rc) rc = pythia_poll(&f->cursor->poll);
    }
    return rc ? rc : f->cursor->rows.rc;
}

static int forest_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    PythiaLoop *loop = cursor->vtab->host->loop;
    char **error = &cursor->vtab->base.zErrMsg;
    PythiaSwitches switches = {0};
    PythiaJudgements judged = {0};
    Forest forest = {.cursor = cursor};
    (void)bounds, (void)n;
    if (!cursor->capture) return SQLITE_OK;
    int rc = pythia_switches_load(loop, cursor->capture,
                                  sqlite3_db_name(cursor->vtab->host->db, cursor->schema_index),
                                  pythia_control_now(), &cursor->poll, &switches, error);
    if (!rc)
        rc = pythia_judge(loop, cursor->capture, &switches, INT64_MAX, &cursor->poll, &judged,
                          error);
    for (uint32_t i = 0; !rc && i < judged.n; i++) {
        forest.judgement = &judged.list[i];
        rc = put_tree(&forest);
    }
    pythia_judgements_clear(&judged);
    pythia_switches_clear(&switches);
    return rc;
}

const PythiaTable pythia_table_forest = {
    .name = "pythia_forest",
    .columns =
        "request_type TEXT, node_id INTEGER, parent_id INTEGER, branch TEXT, tracepoint TEXT,"
        " present INTEGER, cycle INTEGER, traces INTEGER, mean_ns REAL, stddev_ns REAL,"
        " cov REAL, eta_before REAL, eta_after REAL",
    .nvisible = COL_N,
    .rows = 50,
    .fill = forest_fill,
};
