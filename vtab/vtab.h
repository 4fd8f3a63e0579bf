/* vtab.h - the frame of every virtual table.
**
** All of Pythia's tables but the store itself (vtab/store.c) are eponymous: `SELECT ... FROM
** pythia_spans`. Each is described by one static PythiaTable; the frame turns the description into a
** sqlite3_module and does what is the same for all:
**
**   - the hidden column `schema`, always the last one, an argument of every table; it is resolved to
**     an open capture before `fill` or `filter` is called. Unbound it is, and reads as, 'main'. An
**     unknown schema is an error that names it; NULL gives no rows; a schema without a store gives
**     capture == NULL (a table that shows only stored things then has no rows).
**   - constraints: the description lists which (column, operators) a table can use (PythiaUse); the
**     frame's xBestIndex picks them, distinguishes an absent argument from an unusable one, estimates
**     the cost, and hands over the bound values by name, never by position. A bound NULL makes the
**     answer empty, as no comparison with NULL is true: fill and filter never see one.
**   - hidden arguments: returned by xColumn as bound; read while unbound they are an error, because
**     then the planner could not push the constraint down and the answer would be silently wrong.
**   - rows: a table either fills a PythiaRows buffer at once (`fill`) or walks (`filter`, `next`).
**   - interruption: a poll per cursor, closed with it.
**   - errors: a function that fails puts its message into cursor->vtab->base.zErrMsg by
**     pythia_vtab_fail() or hands &zErrMsg down as the `char **error` of engine functions.
**
** Plan encoding. idxStr holds 16 hexadecimal digits, the set of columns used, and then for each argv
** two characters: '0' + the index of the PythiaUse ('!' for the schema), and one for the operator
** (see vtab.c). idxNum is the order code that `plan` gave. It is decoded in one place, in xFilter. */
#ifndef PYTHIA_VTAB_H
#define PYTHIA_VTAB_H

#include "ext/base/compat.h"
#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "ext/base/poll.h"
#include "ext/base/text.h"
#include "ext/host.h"

typedef struct PythiaCapture PythiaCapture;
typedef struct PythiaTable PythiaTable;
typedef struct PythiaCursor PythiaCursor;

typedef struct PythiaVtab {
    sqlite3_vtab base; /* must be first */
    PythiaHost *host;  /* holds a reference */
    const PythiaTable *table;
    void (*release)(void *host); /* gives the reference back; NULL: nobody counts */
} PythiaVtab;

/* Operators of a PythiaUse, as a bit set. */
enum {
    PYTHIA_EQ = 1,
    PYTHIA_LT = 2,
    PYTHIA_LE = 4,
    PYTHIA_GT = 8,
    PYTHIA_GE = 16,
    PYTHIA_GLOB = 32,
    PYTHIA_RANGE = PYTHIA_LT | PYTHIA_LE | PYTHIA_GT | PYTHIA_GE
};

/* Flags of a PythiaUse. */
enum {
    PYTHIA_USE_REQUIRED = 1, /* an argument without which there is no answer; must be hidden */
    PYTHIA_USE_EXACT = 2, /* the table applies it exactly as SQLite would, text given for a number
                             ** and a number given for text included: SQLite need not recheck. The
                             ** table must then apply every such bound that it gets. Always so for
                             ** hidden arguments. Text: BINARY collation only, the frame sees to it. */
    PYTHIA_USE_UNIQUE = 4 /* with =: at most one row */
};

/* One column that constraints can be pushed down for. A visible column may have several (one for =
** that leaves one row in a thousand, one for ranges); a hidden argument has exactly one, with
** PYTHIA_EQ alone. At most one constraint is consumed for each operator of a use; of a further one
** on the same column SQLite takes care. */
typedef struct PythiaUse {
    int column;
    unsigned operators;
    unsigned flags;
    double
        rows; /* estimated fraction of the rows that = or GLOB leaves, 0: a tenth. A range is taken
                 ** to leave a quarter, for each of its ends */
} PythiaUse;

/* A constraint as bound at xFilter. */
typedef struct PythiaBound {
    int use; /* index into table->uses */
    int column;
    unsigned op;          /* one of PYTHIA_EQ ... */
    sqlite3_value *value; /* never NULL, never SQL NULL; valid during filter or fill only */
} PythiaBound;

/* Rows in memory: cells appended row by row. Texts are copied. The code is sticky: once `rc` is set
** appends do nothing, and the frame reports it after fill. */
typedef struct PythiaCell PythiaCell;
typedef struct PythiaRows {
    PythiaCell *cells;
    size_t ncells, cells_capacity;
    sqlite3_int64 *rowids; /* one per row; see pythia_rows_end() */
    size_t nrows, rowids_capacity;
    size_t ncolumns; /* cells of a row, set by the frame; 0: not checked */
    PythiaArena arena;
    int anonymous; /* rows were ended without an id, and rowids not made yet */
    int rc;
} PythiaRows;

void pythia_rows_null(PythiaRows *rows);
void pythia_rows_int(PythiaRows *rows, sqlite3_int64 value);
void pythia_rows_double(PythiaRows *rows, double value);  /* not finite: NULL */
void pythia_rows_text(PythiaRows *rows, PythiaText text); /* text.p NULL: NULL */
void pythia_rows_str(PythiaRows *rows, const char *zero_terminated);
void pythia_rows_value(PythiaRows *rows, sqlite3_value *value);
/* A column of the current row of a statement. */
void pythia_rows_column(PythiaRows *rows, sqlite3_stmt *statement, int column);
/* Ends a row. Every row must have as many cells as the table has visible columns (asserted).
** An id given must name the row whatever the constraints are: SQLite unites the branches of an OR by
** it, so rows simply counted from 1 in each of two narrowed fills would swallow each other. Without an
** id (in all rows of a table, or in none) the frame makes one from the row's contents. */
void pythia_rows_end(PythiaRows *rows);
void pythia_rows_end_id(PythiaRows *rows, sqlite3_int64 rowid);

/* For the frame: the id of a row; forgets the rows but keeps memory for reuse; frees; hands a cell to
** SQLite. */
int pythia_rows_rowid(PythiaRows *rows, size_t row, sqlite3_int64 *rowid);
void pythia_rows_reset(PythiaRows *rows);
void pythia_rows_clear(PythiaRows *rows);
void pythia_rows_result(const PythiaRows *rows, size_t row, int column, sqlite3_context *context);

/* A hidden argument as bound. */
typedef struct PythiaArgument {
    int given, is_integer;
    int64_t integer;
    sqlite3_value *value; /* owned, where it is no integer */
} PythiaArgument;

/* For the frame (argument.c): forgets; takes a value over (SQLITE_OK or NOMEM); as text, empty (p NULL) where there is no
** memory; as result of a column, nothing where it is not given; a hash of several, the seed where none is given. */
enum { PYTHIA_ARGUMENT_CHARS = 24 };
void pythia_argument_clear(PythiaArgument *argument);
int pythia_argument_set(PythiaArgument *argument, sqlite3_value *value);
PythiaText pythia_argument_text(const PythiaArgument *argument, char buffer[PYTHIA_ARGUMENT_CHARS]);
void pythia_argument_result(const PythiaArgument *argument, sqlite3_context *context);
uint64_t pythia_arguments_hash(const PythiaArgument *arguments, int n, uint64_t seed);

enum { PYTHIA_FEW_BOUNDS = 12 }; /* that need no memory of their own */

struct PythiaCursor {
    sqlite3_vtab_cursor base; /* must be first */
    PythiaVtab *vtab;
    PythiaCapture *capture; /* of the bound schema, or NULL when that has no store; borrowed */
    int schema_index;       /* of the bound schema in the connection: 0 main, 1 temp, 2 ... */
    PythiaPoll poll;
    PythiaRows rows;           /* tables with `fill` */
    size_t row;                /* position in rows */
    PythiaArgument *arguments; /* one for each hidden column; the last one is the schema */
    uint64_t used;             /* bit set of the columns wanted; bit 63 stands for all from 63 on */
    int order;                 /* what `plan` set *order to */
    int empty;                 /* a bound was NULL: no rows, whatever the table says */
    /* For the frame: the plan of the last filter, which a join runs again and again, decoded. */
    const char *plan; /* borrowed from the statement, which outlives the cursor; NULL: none */
    PythiaBound planned[PYTHIA_FEW_BOUNDS]; /* the values are those of the present filter */
};

struct PythiaTable {
    const char *name;
    /* The body of the declaration, hidden arguments last, without schema:
    ** "trace_id TEXT, duration_ns INTEGER, mode TEXT HIDDEN". */
    const char *columns;
    int nvisible; /* visible columns */
    int nhidden;  /* hidden arguments, schema not counted: columns nvisible .. nvisible+nhidden-1 */
    const PythiaUse *uses;
    int nuses;
    int direct_only; /* SQLITE_VTAB_DIRECTONLY: not from triggers and views of a schema */
    double rows;     /* rough number of rows of an unconstrained scan; 0: a thousand */

    /* Either this: fills cursor->rows, every column of every row; bounds are hints unless their use
    ** is EXACT. */
    int (*fill)(PythiaCursor *cursor, const PythiaBound *bounds, int n);

    /* Or these: a cursor struct of its own whose first member is a PythiaCursor. `filter` positions on
    ** the first row (after releasing what an earlier filter left); `release` frees what the table's own
    ** part of the cursor holds and must accept a zeroed one. used: bit set of the columns wanted; it is
    ** also in cursor->used, for `fill`. `rowid` must name the row whatever the constraints are, as
    ** with pythia_rows_end_id(); the frame itself mixes in the arguments and the schema. */
    size_t cursor_bytes;
    int (*filter)(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used);
    int (*next)(PythiaCursor *cursor);
    int (*eof)(PythiaCursor *cursor);
    int (*column)(PythiaCursor *cursor, sqlite3_context *context, int column);
    int (*rowid)(PythiaCursor *cursor, sqlite3_int64 *rowid);
    void (*release)(PythiaCursor *cursor);

    /* Optional, for both forms: refines the plan after the uses are picked (those with argvIndex > 0).
    ** May change estimatedCost, estimatedRows and idxFlags. Sets *order to a positive code of the
    ** table's own when it can produce exactly the order that info->aOrderBy asks for: SQLite then does
    ** not sort, and filter or fill finds the code in cursor->order and must obey it. */
    int (*plan)(PythiaVtab *vtab, sqlite3_index_info *info, int *order);

    /* Writable tables. `schema` is the target schema's name (never NULL). For INSERT and UPDATE
    ** `values` has one value per visible and hidden column, schema excluded, the unchanged ones too;
    ** for DELETE it is NULL. *rowid: INSERT sets it, and it becomes last_insert_rowid(); UPDATE and
    ** DELETE get it. change: SQLITE_INSERT, SQLITE_UPDATE or SQLITE_DELETE. Must validate before the
    ** first write: a failing xUpdate in a single-row statement does not undo its partial writes. What
    ** the user's row is to blame for is SQLITE_CONSTRAINT. The last insert rowid is restored by the
    ** frame after UPDATE and DELETE.
    ** Rowids of writable tables are below 2^48: the frame keeps the schema's index in the upper bits
    ** of the rowid that SQL sees. */
    int (*update)(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                  sqlite3_int64 *rowid);
    /* Bit set of visible columns that the table computes: giving one a value is an error, made by the
    ** frame. In `values` they are then NULL. */
    uint64_t read_only;
    /* Transactions of writable tables, each optional. begin comes only with the first write to this
    ** very table. sync may fail, with a message; commit and rollback cannot. sync may write ordinary
    ** tables, but no virtual ones, and must not open a savepoint. The savepoint functions may come
    ** for a savepoint that was opened before begin. */
    int (*begin)(PythiaVtab *vtab);
    int (*sync)(PythiaVtab *vtab);
    void (*commit)(PythiaVtab *vtab);
    void (*rollback)(PythiaVtab *vtab);
    int (*savepoint)(PythiaVtab *vtab, int n);
    int (*release_savepoint)(PythiaVtab *vtab, int n);
    int (*rollback_to)(PythiaVtab *vtab, int n);
};

/* Registers a table as an eponymous-only module. The host's reference count is the caller's affair:
** destroy (may be NULL) is called with host when the module goes, and also when this fails.
** SQLITE_MISUSE: the description contradicts itself. */
int pythia_vtab_register(PythiaHost *host, const PythiaTable *table, void (*destroy)(void *));

/* Sets the table's error message (replacing an older one) and returns rc. */
int pythia_vtab_fail(PythiaVtab *vtab, int rc, const char *format, ...);

/* The bound constraint on a column with one of the operators, or NULL. */
const PythiaBound *pythia_bound(const PythiaBound *bounds, int n, int column, unsigned operators);

/* The text of a value, borrowed until the value changes; empty (p NULL) for NULL, and where there is
** no memory to convert a number. */
PythiaText pythia_value_text(sqlite3_value *value);

/* In `filter` and `fill`: the order code that the plan promised, 0: none. */
int pythia_cursor_ordered(const PythiaCursor *cursor);

/* The index of an attached schema by its name (letter case is ignored), or -1. */
int pythia_schema_index(sqlite3 *db, const char *schema);

#endif
