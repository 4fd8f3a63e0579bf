/* group_members.c - pythia_group_members: which trace is in which group. */
#include "vtab/scan.h"
#include "vtab/tables.h"

enum { COL_GROUP_ID, COL_TRACE_ID, COL_DURATION, COL_N };

typedef struct Members {
    PythiaCursor *cursor;
    PythiaNames *names;
} Members;

static int put_member(void *context, PythiaSegment *segment, uint32_t ordinal,
                      const PythiaHead *head) {
    Members *m = context;
    PythiaRows *rows = &m->cursor->rows;
    char **error = &m->cursor->vtab->base.zErrMsg;
    const int64_t *form, *hi, *lo;
    uint32_t n;
    char text[PYTHIA_ID_CHARS];
    if (!head->group) return SQLITE_OK;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FORM, &form, &n, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_HI, &hi, &n, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_LO, &lo, &n, error);
    if (rc) return rc;
    PythiaId group = {0, head->group, PYTHIA_ID_HEX16};
    PythiaId trace = {(uint64_t)hi[ordinal], (uint64_t)lo[ordinal], (uint32_t)form[ordinal]};
    pythia_rows_text(rows, (PythiaText){text, pythia_id_write(group, text)});
    pythia_rows_text(rows, pythia_names_id_text(m->names, trace, text));
    pythia_rows_int(rows, head->duration_ns);
    pythia_rows_end_id(rows, pythia_segment_info(segment)->id << 26 | ordinal);
    return rows->rc;
}

static int members_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *group = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    uint64_t only = 0;
    if (!cursor->capture) return SQLITE_OK;
    if (group && !pythia_group_of_text(pythia_value_text(group->value), &only)) return SQLITE_OK;
    Members m = {cursor, pythia_capture_names(cursor->capture)};
    return pythia_capture_each_head(cursor->capture, only, &cursor->poll, put_member, &m,
                                    &cursor->vtab->base.zErrMsg);
}

static const PythiaUse members_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 0.05}};

const PythiaTable pythia_table_group_members = {
    .name = "pythia_group_members",
    .columns = "group_id TEXT, trace_id TEXT, duration_ns INTEGER",
    .nvisible = COL_N,
    .uses = members_uses,
    .nuses = 1,
    .rows = 1e5,
    .fill = members_fill,
};
