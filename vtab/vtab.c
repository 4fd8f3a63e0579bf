/* vtab.c - the frame of every virtual table; see vtab.h.
**
** Two sqlite3_modules serve all tables, one for those that are only read and one for those that are
** written; what differs lies in the PythiaTable, which a vtab finds through its pAux. They are static
** because SQLite may disconnect a vtab after its module's destructor has run.
**
** Best index. For each use and operator the first usable constraint is consumed, in the order of the
** uses, so that argv does not depend on the order of SQLite's list. A hidden column's constraint that
** is offered but unusable makes the plan impossible (SQLITE_CONSTRAINT: the planner tries another
** join order); one that is not offered at all is absent. Where it is required such a plan is priced out of
** reach, because SQLite asks for plans of the branches of an OR with their own terms alone, and is an error
** when it is run after all. In
** `f LEFT JOIN t ON f.arg = t.x` the constraint is never offered: then xColumn is asked for an
** argument that was not bound, and refuses.
**
** Operators in idxStr: '=' EQ, '<' LT, 'L' LE, '>' GT, 'G' GE, '*' GLOB. */
#include "vtab/vtab.h"

#include <assert.h>
#include <stdarg.h>

#include "ext/base/hash.h"
#include "ext/capture/session.h"

enum {
    USED_DIGITS = 16,  /* of colUsed at the start of idxStr */
    SCHEMA_USE = '!',  /* the use character of the schema; those of the table begin at FIRST_USE */
    FIRST_USE = '0',   /* and must stay printable */
    USES_LARGEST = 64, /* uses of a table */
    SCHEMA_SHIFT = 48  /* of the schema's index in a writable table's rowid */
};

typedef struct ModuleAux {
    PythiaHost *host;
    const PythiaTable *table;
    void (*destroy)(void *);
} ModuleAux;

static const double HOPELESS_COST = 1e60;

static const struct Operator {
    unsigned char sqlite;
    char letter;
    unsigned op;
} operators[] = {
    {SQLITE_INDEX_CONSTRAINT_EQ, '=', PYTHIA_EQ}, {SQLITE_INDEX_CONSTRAINT_LT, '<', PYTHIA_LT},
    {SQLITE_INDEX_CONSTRAINT_LE, 'L', PYTHIA_LE}, {SQLITE_INDEX_CONSTRAINT_GT, '>', PYTHIA_GT},
    {SQLITE_INDEX_CONSTRAINT_GE, 'G', PYTHIA_GE}, {SQLITE_INDEX_CONSTRAINT_GLOB, '*', PYTHIA_GLOB},
};
enum { OPERATORS = sizeof operators / sizeof operators[0] };

/* ------------------------------------------------------------------ small things */

int pythia_vtab_fail(PythiaVtab *vtab, int rc, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *message = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    sqlite3_free(vtab->base.zErrMsg);
    vtab->base.zErrMsg = message;
    return message ? rc : SQLITE_NOMEM;
}

const PythiaBound *pythia_bound(const PythiaBound *bounds, int n, int column, unsigned op) {
    for (int i = 0; i < n; i++)
        if (bounds[i].column == column && (bounds[i].op & op)) return &bounds[i];
    return NULL;
}

int pythia_cursor_ordered(const PythiaCursor *cursor) {
    return cursor->order;
}

int pythia_schema_index(sqlite3 *db, const char *schema) {
    const char *name;
    for (int i = 0; (name = sqlite3_db_name(db, i)) != NULL; i++)
        if (sqlite3_stricmp(name, schema) == 0) return i;
    return -1;
}

static int schema_column(const PythiaTable *table) {
    return table->nvisible + table->nhidden;
}

/* The i-th part of the declaration, up to the comma. Its first word is the column's name. */
static PythiaText declaration_item(const PythiaTable *table, int i) {
    const char *p = table->columns;
    for (; i > 0 && p; i--) {
        p = strchr(p, ',');
        if (p) p++;
    }
    if (!p) return (PythiaText){NULL, 0};
    p += strspn(p, " \n");
    return (PythiaText){p, strcspn(p, ",")};
}

/* A column's name, zero-terminated, in memory of the caller. */
enum { NAME_BYTES = 64 };
static const char *column_name(const PythiaTable *table, int column, char *name) {
    if (column == schema_column(table)) return "schema";
    PythiaText item = declaration_item(table, column);
    size_t n = item.p ? strcspn(item.p, " ,") : 0;
    if (n >= NAME_BYTES) n = NAME_BYTES - 1;
    if (n) memcpy(name, item.p, n);
    name[n] = 0;
    return name;
}

/* ------------------------------------------------------------------ connect */

static int frame_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **error) {
    (void)argc, (void)argv;
    const ModuleAux *module = aux;
    const PythiaTable *table = module->table;
    char *sql = sqlite3_mprintf("CREATE TABLE x(%s, schema TEXT HIDDEN)", table->columns);
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(db, sql);
    sqlite3_free(sql);
    if (!rc && table->direct_only) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    if (!rc && table->update) rc = sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    if (rc) return pythia_fail(error, rc, "%s: %s", table->name, sqlite3_errmsg(db));
    PythiaVtab *vtab = pythia_alloc_zero(sizeof *vtab);
    if (!vtab) return SQLITE_NOMEM;
    vtab->host = module->host;
    vtab->table = table;
    vtab->release = module->destroy;
    vtab->host->references++;
    pythia_session_connected(vtab->host->session, 1);
    *out = &vtab->base;
    return SQLITE_OK;
}

static int frame_disconnect(sqlite3_vtab *base) {
    PythiaVtab *vtab = (PythiaVtab *)base;
    PythiaHost *host = vtab->host;
    void (*release)(void *) = vtab->release;
    pythia_free(vtab);
    pythia_session_connected(host->session, -1);
    if (release)
        release(host);
    else
        host->references--;
    return SQLITE_OK;
}

/* ------------------------------------------------------------------ best index */

/* A plan in the making. */
typedef struct Plan {
    PythiaVtab *vtab;
    sqlite3_index_info *info;
    sqlite3_str *text; /* becomes idxStr */
    int nargs;
    double rows;
    int unique;
    int hopeless; /* a required argument is not offered */
} Plan;

/* The operator of a constraint, 0 when Pythia has no use for it. */
static const struct Operator *operator_of(unsigned char sqlite) {
    for (int i = 0; i < OPERATORS; i++)
        if (operators[i].sqlite == sqlite) return &operators[i];
    return NULL;
}

static void plan_consume(Plan *plan, int constraint, int use, char letter, int omit) {
    plan->info->aConstraintUsage[constraint].argvIndex = ++plan->nargs;
    plan->info->aConstraintUsage[constraint].omit = (unsigned char)omit;
    sqlite3_str_appendchar(plan->text, 1, (char)use);
    sqlite3_str_appendchar(plan->text, 1, letter);
}

/* Consumes the first = on a hidden column. SQLITE_CONSTRAINT: there are only unusable ones. Sets
** *bound. Another operator on an argument has no meaning. */
static int plan_argument(Plan *plan, int column, int use, int *bound) {
    const sqlite3_index_info *info = plan->info;
    int seen = 0, chosen = -1;
    *bound = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (c->op == SQLITE_INDEX_CONSTRAINT_LIMIT || c->op == SQLITE_INDEX_CONSTRAINT_OFFSET ||
            c->iColumn != column)
            continue;
        if (c->op != SQLITE_INDEX_CONSTRAINT_EQ) {
            char name[NAME_BYTES];
            return pythia_vtab_fail(plan->vtab, SQLITE_ERROR,
                                    "%s: \"%s\" is an argument and can only be compared with =",
                                    plan->vtab->table->name,
                                    column_name(plan->vtab->table, column, name));
        }
        seen = 1;
        if (c->usable && chosen < 0) chosen = i;
    }
    *bound = chosen >= 0;
    if (chosen >= 0) plan_consume(plan, chosen, use, '=', 1);
    return seen && chosen < 0 ? SQLITE_CONSTRAINT : SQLITE_OK;
}

/* Consumes the constraints that a use of a visible column takes, one for each operator. */
static void plan_visible(Plan *plan, const PythiaUse *use, int letter) {
    unsigned taken = 0;
    for (int i = 0; i < plan->info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &plan->info->aConstraint[i];
        const struct Operator *o = operator_of(c->op);
        if (!c->usable || !o || c->iColumn != use->column || !(use->operators & o->op & ~taken) ||
            plan->info->aConstraintUsage[i].argvIndex)
            continue;
        const char *collation = sqlite3_vtab_collation(plan->info, i);
        if (collation && sqlite3_stricmp(collation, "BINARY") != 0) continue;
        plan_consume(plan, i, letter, o->letter, (use->flags & PYTHIA_USE_EXACT) != 0);
        taken |= o->op;
        if (o->op & PYTHIA_RANGE)
            plan->rows *= 0.25;
        else
            plan->rows *= use->rows > 0 ? use->rows : 0.1;
        if (o->op == PYTHIA_EQ && (use->flags & PYTHIA_USE_UNIQUE)) plan->unique = 1;
    }
}

static int plan_uses(Plan *plan) {
    const PythiaTable *table = plan->vtab->table;
    int rc = SQLITE_OK, bound;
    for (int i = 0; i < table->nuses && !rc; i++) {
        const PythiaUse *use = &table->uses[i];
        if (use->column < table->nvisible) {
            plan_visible(plan, use, FIRST_USE + i);
            continue;
        }
        rc = plan_argument(plan, use->column, FIRST_USE + i, &bound);
        if (rc) break;
        if (bound) {
            plan->rows *= use->rows > 0 ? use->rows : 0.1;
            if (use->flags & PYTHIA_USE_UNIQUE) plan->unique = 1;
        } else if (use->flags & PYTHIA_USE_REQUIRED) {
            plan->hopeless = 1;
        }
    }
    return rc ? rc : plan_argument(plan, schema_column(table), SCHEMA_USE, &bound);
}

/* Whether the query names an argument for which no constraint is shown. In an OR the planner asks for each branch
** with the branch's own constraints alone, and learns only when it is too late that `argument = other.column` could
** not be used in that place: "no query solution". Made dear, such a plan loses against one that can. */
static int argument_is_hidden(const PythiaTable *table, const sqlite3_index_info *info) {
    for (int column = table->nvisible; column < table->nvisible + table->nhidden; column++) {
        int seen = 0;
        for (int i = 0; i < info->nConstraint && !seen; i++)
            seen = info->aConstraint[i].iColumn == column;
        if (!seen && info->colUsed >> (column < 63 ? column : 63) & 1) return 1;
    }
    return 0;
}

static int frame_best_index(sqlite3_vtab *base, sqlite3_index_info *info) {
    PythiaVtab *vtab = (PythiaVtab *)base;
    const PythiaTable *table = vtab->table;
    Plan plan = {.vtab = vtab,
                 .info = info,
                 .text = sqlite3_str_new(vtab->host->db),
                 .rows = table->rows > 0 ? table->rows : 1000};
    /* UPDATE reads all columns, which colUsed does not tell. */
    uint64_t used = table->update ? ~(uint64_t)0 : info->colUsed;
    sqlite3_str_appendf(plan.text, "%016llx", used);
    int rc = plan_uses(&plan);
    if (!rc) rc = sqlite3_str_errcode(plan.text);
    char *text = sqlite3_str_finish(plan.text);
    if (!rc && !text) rc = SQLITE_NOMEM;
    if (rc) {
        sqlite3_free(text);
        return rc;
    }
    if (plan.unique || plan.rows < 1) plan.rows = 1;
    info->idxStr = text;
    info->needToFreeIdxStr = 1;
    info->idxNum = 0;
    info->estimatedCost = plan.rows + 5; /* 5: a filter is not free */
    info->estimatedRows = plan.rows < 1e15 ? (sqlite3_int64)plan.rows : (sqlite3_int64)1e15;
    if (plan.unique && !table->update) info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    int order = 0;
    if (table->plan) rc = table->plan(vtab, info, &order);
    if (plan.hopeless) info->estimatedCost = HOPELESS_COST;
    if (!rc && order > 0) {
        info->idxNum = order;
        info->orderByConsumed = 1;
    }
    if (argument_is_hidden(table, info)) info->estimatedCost = info->estimatedCost * 1e6 + 1e12;
    return rc;
}

/* ------------------------------------------------------------------ cursors */

static int frame_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out) {
    PythiaVtab *vtab = (PythiaVtab *)base;
    const PythiaTable *table = vtab->table;
    size_t bytes = table->cursor_bytes ? table->cursor_bytes : sizeof(PythiaCursor);
    PythiaCursor *cursor = pythia_alloc_zero(bytes);
    if (!cursor) return SQLITE_NOMEM;
    size_t n = (size_t)table->nhidden + 1;
    cursor->arguments = pythia_alloc_zero(n * sizeof *cursor->arguments);
    if (!cursor->arguments) {
        pythia_free(cursor);
        return SQLITE_NOMEM;
    }
    cursor->vtab = vtab;
    cursor->poll.db = vtab->host->db;
    cursor->rows.ncolumns = (size_t)table->nvisible;
    pythia_session_reading(vtab->host->session, 1);
    *out = &cursor->base;
    return SQLITE_OK;
}

static void cursor_forget_arguments(PythiaCursor *cursor) {
    for (int i = 0; i <= cursor->vtab->table->nhidden; i++)
        pythia_argument_clear(&cursor->arguments[i]);
}

static int frame_close(sqlite3_vtab_cursor *base) {
    PythiaCursor *cursor = (PythiaCursor *)base;
    if (cursor->vtab->table->release) cursor->vtab->table->release(cursor);
    cursor_forget_arguments(cursor);
    pythia_free(cursor->arguments);
    pythia_rows_clear(&cursor->rows);
    pythia_poll_close(&cursor->poll);
    pythia_session_reading(cursor->vtab->host->session, -1);
    pythia_free(cursor);
    return SQLITE_OK;
}

/* Decodes one constraint of the plan. */
static int plan_decode(const PythiaTable *table, const char *code, PythiaBound *bound) {
    int is_schema = code[0] == SCHEMA_USE;
    bound->use = code[0] - FIRST_USE;
    if (!is_schema && (bound->use < 0 || bound->use >= table->nuses)) return SQLITE_INTERNAL;
    bound->column = is_schema ? schema_column(table) : table->uses[bound->use].column;
    bound->value = NULL;
    bound->op = 0;
    for (int i = 0; i < OPERATORS; i++)
        if (operators[i].letter == code[1]) bound->op = operators[i].op;
    return SQLITE_OK;
}

/* Resolves the schema that was bound, main otherwise. */
static int cursor_schema(PythiaCursor *cursor) {
    PythiaVtab *vtab = cursor->vtab;
    const PythiaArgument *argument = &cursor->arguments[vtab->table->nhidden];
    char buffer[PYTHIA_ARGUMENT_CHARS];
    const char *schema = argument->given ? pythia_argument_text(argument, buffer).p : "main";
    if (!schema) return SQLITE_NOMEM;
    cursor->schema_index = argument->given ? pythia_schema_index(vtab->host->db, schema) : 0;
    if (cursor->schema_index < 0)
        return pythia_vtab_fail(vtab, SQLITE_ERROR, "%s: there is no schema \"%s\"",
                                vtab->table->name, schema);
    return pythia_session_capture(vtab->host->session, schema, 0, &cursor->capture,
                                  &vtab->base.zErrMsg);
}

static int cursor_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaTable *table = cursor->vtab->table;
    if (!table->fill) return table->filter(cursor, bounds, n, cursor->used);
    int rc = table->fill(cursor, bounds, n);
    if (!rc) rc = cursor->rows.rc;
    assert(rc || cursor->rows.ncells == cursor->rows.nrows * cursor->rows.ncolumns);
    return rc;
}

/* What the table cannot do without must be bound. */
static int cursor_required(PythiaCursor *cursor, const PythiaBound *bounds, int argc) {
    const PythiaTable *table = cursor->vtab->table;
    for (int i = 0; i < table->nuses; i++) {
        const PythiaUse *use = &table->uses[i];
        char name[NAME_BYTES];
        if (!(use->flags & PYTHIA_USE_REQUIRED) || use->column < table->nvisible ||
            pythia_bound(bounds, argc, use->column, PYTHIA_EQ))
            continue;
        column_name(table, use->column, name);
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "%s needs its argument \"%s\": give it in parentheses after the "
                                "table's name, or as WHERE %s = ...",
                                table->name, name, name);
    }
    return SQLITE_OK;
}

/* Decodes the plan: the columns wanted, and the constraints into bounds. Fails where one is missing. */
static int cursor_plan(PythiaCursor *cursor, const char *code, int argc, PythiaBound *bounds) {
    cursor->plan = NULL;
    cursor_forget_arguments(cursor);
    cursor->used = 0;
    for (int i = 0; i < USED_DIGITS; i++)
        cursor->used =
            cursor->used << 4 | (uint64_t)(code[i] < 'a' ? code[i] - '0' : code[i] - 'a' + 10);
    int rc = SQLITE_OK;
    for (int i = 0; i < argc && !rc; i++)
        rc = plan_decode(cursor->vtab->table, code + USED_DIGITS + 2 * i, &bounds[i]);
    return rc ? rc : cursor_required(cursor, bounds, argc);
}

/* Gives the constraints their values. */
static int cursor_bind(PythiaCursor *cursor, int argc, sqlite3_value **argv, PythiaBound *bounds) {
    const int nvisible = cursor->vtab->table->nvisible;
    int rc = SQLITE_OK;
    for (int i = 0; i < argc && !rc; i++) {
        bounds[i].value = argv[i];
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) cursor->empty = 1;
        if (bounds[i].column >= nvisible)
            rc = pythia_argument_set(&cursor->arguments[bounds[i].column - nvisible], argv[i]);
    }
    return rc;
}

static int frame_filter(sqlite3_vtab_cursor *base, int order, const char *code, int argc,
                        sqlite3_value **argv) {
    PythiaCursor *cursor = (PythiaCursor *)base;
    PythiaVtab *vtab = cursor->vtab;
    if (cursor->rows.cells || cursor->rows.rc) pythia_rows_reset(&cursor->rows);
    if (vtab->base.zErrMsg) {
        sqlite3_free(vtab->base.zErrMsg);
        vtab->base.zErrMsg = NULL;
    }
    cursor->row = 0;
    cursor->empty = 0;
    cursor->capture = NULL;
    cursor->order = order;
    PythiaBound *bounds = cursor->planned;
    int rc = SQLITE_OK;
    if (argc > PYTHIA_FEW_BOUNDS) bounds = pythia_alloc_array((size_t)argc, sizeof *bounds);
    if (!bounds) return SQLITE_NOMEM;
    if (code != cursor->plan) {
        rc = cursor_plan(cursor, code, argc, bounds);
        if (!rc && bounds == cursor->planned) cursor->plan = code;
    }
    if (!rc) rc = cursor_bind(cursor, argc, argv, bounds);
    /* The schema, where it is bound, is the last one, and no business of the table's. */
    int n = argc && bounds[argc - 1].column == schema_column(vtab->table) ? argc - 1 : argc;
    if (!rc && !cursor->empty) rc = cursor_schema(cursor);
    if (!rc && !cursor->empty) rc = cursor_fill(cursor, bounds, n);
    if (bounds != cursor->planned) pythia_free(bounds);
    return rc;
}

static int frame_next(sqlite3_vtab_cursor *base) {
    PythiaCursor *cursor = (PythiaCursor *)base;
    cursor->row++;
    return cursor->vtab->table->fill ? SQLITE_OK : cursor->vtab->table->next(cursor);
}

static int frame_eof(sqlite3_vtab_cursor *base) {
    PythiaCursor *cursor = (PythiaCursor *)base;
    if (cursor->empty) return 1;
    return cursor->vtab->table->fill ? cursor->row >= cursor->rows.nrows
                                     : cursor->vtab->table->eof(cursor);
}

/* An argument as bound. Unbound it is an error, but for the schema, and where an UPDATE asks only in
** order to hand it back unchanged. */
static int cursor_argument(PythiaCursor *cursor, sqlite3_context *context, int column) {
    const PythiaTable *table = cursor->vtab->table;
    const PythiaArgument *argument = &cursor->arguments[column - table->nvisible];
    pythia_argument_result(argument, context);
    if (argument->given) return SQLITE_OK;
    if (column == schema_column(table)) {
        sqlite3_result_text(context, "main", 4, SQLITE_STATIC);
        return SQLITE_OK;
    }
    char name[NAME_BYTES];
    column_name(table, column, name);
    return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                            "%s: the argument \"%s\" is read but was not given a value by =; in an "
                            "outer or CROSS JOIN put the table that it depends on to the left",
                            table->name, name);
}

/* What is rare. Not inline: the registers that it needs would be saved for each value of every row. */
static __attribute__((noinline)) int other_column(PythiaCursor *cursor, sqlite3_context *context,
                                                  int column) {
    const PythiaTable *table = cursor->vtab->table;
    if (column >= table->nvisible)
        return sqlite3_vtab_nochange(context) ? SQLITE_OK
                                              : cursor_argument(cursor, context, column);
    if (column < 0) return SQLITE_OK;
    if (column < 64 && (table->read_only >> column & 1) && sqlite3_vtab_nochange(context))
        return SQLITE_OK; /* so that xUpdate can tell it from a value that the user gave */
    if (!table->fill) return table->column(cursor, context, column);
    pythia_rows_result(&cursor->rows, cursor->row, column, context);
    return SQLITE_OK;
}

static int frame_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    PythiaCursor *cursor = (PythiaCursor *)base;
    const PythiaTable *table = cursor->vtab->table;
    if (table->fill || table->read_only || column < 0 || column >= table->nvisible)
        return other_column(cursor, context, column);
    return table->column(cursor, context, column);
}

/* The same row of two different arguments is two rows. */
static int frame_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid) {
    PythiaCursor *cursor = (PythiaCursor *)base;
    const PythiaTable *table = cursor->vtab->table;
    int rc = table->fill ? pythia_rows_rowid(&cursor->rows, cursor->row, rowid)
                         : table->rowid(cursor, rowid);
    if (rc) return rc;
    /* A schema of main is as good as none. */
    uint64_t h = table->update ? 0
                               : pythia_arguments_hash(cursor->arguments, table->nhidden,
                                                       (uint64_t)cursor->schema_index);
    if (table->update)
        *rowid |= (sqlite3_int64)cursor->schema_index << SCHEMA_SHIFT;
    else if (h)
        *rowid = (sqlite3_int64)(pythia_hash_mix(h, (uint64_t)*rowid) >> 1);
    return SQLITE_OK;
}

/* ------------------------------------------------------------------ writing */

static PythiaVtab *writable(sqlite3_vtab *base) {
    return (PythiaVtab *)base;
}

/* Refuses values for columns that the table computes, and an UPDATE that would move the row. */
static int update_check(PythiaVtab *vtab, int change, sqlite3_value **values, const char *schema) {
    const PythiaTable *table = vtab->table;
    for (int i = 0; i < table->nvisible && i < 64; i++) {
        if (!(table->read_only >> i & 1) || sqlite3_value_type(values[i]) == SQLITE_NULL) continue;
        char name[NAME_BYTES];
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                change == SQLITE_INSERT
                                    ? "%s: the column \"%s\" is computed and cannot be given"
                                    : "%s: the column \"%s\" is computed and cannot be changed "
                                      "(UPDATE ... FROM is not possible here)",
                                table->name, column_name(table, i, name));
    }
    sqlite3_value *value = values[schema_column(table)];
    if (change == SQLITE_INSERT || sqlite3_value_nochange(value)) return SQLITE_OK;
    const char *target = (const char *)sqlite3_value_text(value);
    if (target && sqlite3_stricmp(target, schema) == 0) return SQLITE_OK;
    return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                            "%s: a row cannot be moved to another schema by UPDATE", table->name);
}

/* Sets *schema to the name that the change is meant for, in memory of the connection's. */
static int update_schema(PythiaVtab *vtab, int change, sqlite3_value **argv, const char **schema) {
    const PythiaTable *table = vtab->table;
    const char *name;
    if (change == SQLITE_INSERT) {
        sqlite3_value *value = argv[2 + schema_column(table)];
        name = "main";
        if (sqlite3_value_type(value) != SQLITE_NULL) {
            name = (const char *)sqlite3_value_text(value);
            if (!name) return SQLITE_NOMEM;
        }
        int index = pythia_schema_index(vtab->host->db, name);
        if (index < 0)
            return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "%s: there is no schema \"%s\"",
                                    table->name, name);
        *schema = sqlite3_db_name(vtab->host->db, index);
        return SQLITE_OK;
    }
    sqlite3_int64 rowid = sqlite3_value_int64(argv[0]);
    *schema = rowid < 0 ? NULL : sqlite3_db_name(vtab->host->db, (int)(rowid >> SCHEMA_SHIFT));
    if (*schema) return SQLITE_OK;
    return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "%s: there is no row %lld", table->name,
                            rowid);
}

static int frame_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *out) {
    PythiaVtab *vtab = writable(base);
    const PythiaTable *table = vtab->table;
    sqlite3 *db = vtab->host->db;
    int change = argc == 1                                    ? SQLITE_DELETE
                 : sqlite3_value_type(argv[0]) == SQLITE_NULL ? SQLITE_INSERT
                                                              : SQLITE_UPDATE;
    const char *schema = NULL;
    int rc = update_schema(vtab, change, argv, &schema);
    if (rc) return rc;
    sqlite3_int64 rowid = 0;
    if (change != SQLITE_INSERT) {
        rowid = sqlite3_value_int64(argv[0]);
        if (argc > 1 && sqlite3_value_int64(argv[1]) != rowid)
            return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "%s: the rowid cannot be changed",
                                    table->name);
        rowid &= ((sqlite3_int64)1 << SCHEMA_SHIFT) - 1;
    }
    if (change != SQLITE_DELETE) rc = update_check(vtab, change, argv + 2, schema);
    if (rc) return rc;
    sqlite3_free(vtab->base.zErrMsg);
    vtab->base.zErrMsg = NULL;
    sqlite3_int64 last = sqlite3_last_insert_rowid(db);
    rc = table->update(vtab, schema, change, change == SQLITE_DELETE ? NULL : argv + 2, &rowid);
    if (!rc && change == SQLITE_INSERT)
        *out = rowid;
    else
        sqlite3_set_last_insert_rowid(db, last);
    return rc;
}

static int frame_begin(sqlite3_vtab *base) {
    PythiaVtab *vtab = writable(base);
    return vtab->table->begin ? vtab->table->begin(vtab) : SQLITE_OK;
}

static int frame_sync(sqlite3_vtab *base) {
    PythiaVtab *vtab = writable(base);
    if (!vtab->table->sync) return SQLITE_OK;
    sqlite3_free(vtab->base.zErrMsg);
    vtab->base.zErrMsg = NULL;
    sqlite3_int64 last = sqlite3_last_insert_rowid(vtab->host->db);
    int rc = vtab->table->sync(vtab);
    sqlite3_set_last_insert_rowid(vtab->host->db, last);
    return rc;
}

static int frame_commit(sqlite3_vtab *base) {
    PythiaVtab *vtab = writable(base);
    if (vtab->table->commit) vtab->table->commit(vtab);
    return SQLITE_OK;
}

static int frame_rollback(sqlite3_vtab *base) {
    PythiaVtab *vtab = writable(base);
    if (vtab->table->rollback) vtab->table->rollback(vtab);
    return SQLITE_OK;
}

static int frame_savepoint(sqlite3_vtab *base, int n) {
    PythiaVtab *vtab = writable(base);
    return vtab->table->savepoint ? vtab->table->savepoint(vtab, n) : SQLITE_OK;
}

static int frame_release(sqlite3_vtab *base, int n) {
    PythiaVtab *vtab = writable(base);
    return vtab->table->release_savepoint ? vtab->table->release_savepoint(vtab, n) : SQLITE_OK;
}

static int frame_rollback_to(sqlite3_vtab *base, int n) {
    PythiaVtab *vtab = writable(base);
    return vtab->table->rollback_to ? vtab->table->rollback_to(vtab, n) : SQLITE_OK;
}

/* ------------------------------------------------------------------ registration */

/* No xCreate: eponymous only, CREATE VIRTUAL TABLE does not know the name. */
#define FRAME_READING                                                                              \
    .xConnect = frame_connect, .xBestIndex = frame_best_index, .xDisconnect = frame_disconnect,    \
    .xOpen = frame_open, .xClose = frame_close, .xFilter = frame_filter, .xNext = frame_next,      \
    .xEof = frame_eof, .xColumn = frame_column, .xRowid = frame_rowid

static const PythiaModule reading_module = {.base = {.iVersion = 2, FRAME_READING}};

static const PythiaModule writing_module = {.base = {.iVersion = 2,
                                                     FRAME_READING,
                                                     .xUpdate = frame_update,
                                                     .xBegin = frame_begin,
                                                     .xSync = frame_sync,
                                                     .xCommit = frame_commit,
                                                     .xRollback = frame_rollback,
                                                     .xSavepoint = frame_savepoint,
                                                     .xRelease = frame_release,
                                                     .xRollbackTo = frame_rollback_to}};

/* Whether the description is one that the frame can keep its promises for. */
static int table_consistent(const PythiaTable *table) {
    int n = table->nvisible + table->nhidden;
    if (table->nvisible < 1 || !declaration_item(table, n - 1).p || declaration_item(table, n).p)
        return 0;
    if (table->nuses > USES_LARGEST) return 0;
    if (!table->fill && (!table->filter || !table->next || !table->eof || !table->column ||
                         !table->rowid || table->cursor_bytes < sizeof(PythiaCursor)))
        return 0;
    for (int c = table->nvisible; c < n; c++) {
        int uses = 0;
        for (int i = 0; i < table->nuses; i++)
            if (table->uses[i].column == c) uses += table->uses[i].operators == PYTHIA_EQ ? 1 : 2;
        if (uses != 1) return 0;
    }
    for (int i = 0; i < table->nuses; i++) {
        const PythiaUse *use = &table->uses[i];
        if (use->column < 0 || use->column >= n) return 0;
        if ((use->flags & PYTHIA_USE_REQUIRED) && use->column < table->nvisible) return 0;
    }
    return 1;
}

static void module_destroy(void *memory) {
    ModuleAux *aux = memory;
    if (aux->destroy) aux->destroy(aux->host);
    pythia_free(aux);
}

int pythia_vtab_register(PythiaHost *host, const PythiaTable *table, void (*destroy)(void *)) {
    ModuleAux *aux = table_consistent(table) ? pythia_alloc_zero(sizeof *aux) : NULL;
    if (!aux) {
        if (destroy) destroy(host);
        return table_consistent(table) ? SQLITE_NOMEM : SQLITE_MISUSE;
    }
    *aux = (ModuleAux){host, table, destroy};
    const PythiaModule *module = table->update ? &writing_module : &reading_module;
    return sqlite3_create_module_v2(host->db, table->name, &module->base, aux, module_destroy);
}
