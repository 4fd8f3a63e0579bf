"""bench_path.py - critical paths with exclusive times of all traces, beside recursive queries in SQLite and DuckDB."""
import json
import os

from common import *

OURS = "SELECT tracepoint, sum(exclusive_ns) FROM pythia_context_tree GROUP BY 1 ORDER BY 1"
ALL = "SELECT tracepoint, sum(exclusive_ns) FROM pythia_context_tree WHERE scope = 'all' GROUP BY 1"
PATH = "SELECT * FROM pythia_critical_path(?1, '{}')"
WHAT_IF = "SELECT * FROM pythia_what_if('*', 1000)"


def answer(database, so, sql):
    load = f".load {so}\n" if so != "-" else ""
    return Run([SQLITE3, "-batch", "-bail", database], f"{load}{sql};\n").out.strip()


def plain_spans(database):
    """The spans as an ordinary table with integer ids and the index that the walk wants; and as CSV."""
    plain, csv = fresh("path.db"), os.path.join(BENCH, "path.csv")
    Run([SQLITE3, "-batch", "-bail", database], f""".load {SO}
ATTACH {quoted(plain)} AS plain;
CREATE TABLE plain.s AS SELECT trace_id, span_id, parent_id, tracepoint, start_ns, start_ns + duration_ns AS end_ns
FROM pythia_spans;
CREATE INDEX plain.s_id ON s(trace_id, span_id);
CREATE TABLE plain.spans(id INTEGER PRIMARY KEY, parent INTEGER, start_ns INTEGER, end_ns INTEGER, tracepoint TEXT);
INSERT INTO plain.spans SELECT c.rowid, p.rowid, c.start_ns, c.end_ns, c.tracepoint
FROM plain.s AS c LEFT JOIN plain.s AS p ON p.trace_id = c.trace_id AND p.span_id = c.parent_id;
DROP TABLE plain.s;
CREATE INDEX plain.by_parent ON spans(parent, end_ns);
ANALYZE plain;
.mode csv
.headers on
.once {csv}
SELECT * FROM plain.spans;
""")
    return plain, csv


def duckdb_rows(out):
    """The answer, as SQLite writes it."""
    rows = json.loads(out.strip().splitlines()[-1])
    return "\n".join("|".join(map(str, row.values() if isinstance(row, dict) else row)) for row in rows)


def run(b):
    database, spans = stored(b), b.traces * SPANS
    judged = 5e6 if b.traces >= 50000 else None
    what, want = "critical paths, exclusive times", answer(database, SO, OURS)
    cold, warm = measure(SO, database, "cpu", 5, OURS)[0]
    b.results.add(what, "pythia", "first in a connection, cpu", spans / cold * 1000, "spans/s", at_least=judged)
    b.results.add(what, "pythia", "again, cpu", spans / warm * 1000, "spans/s", at_least=judged)
    cold, again = measure(SO, database, "cpu", 5, ALL)[0]
    b.results.add("all spans, self times", "pythia", "again, cpu", spans / again * 1000, "spans/s")
    plain, csv = plain_spans(database)
    _, theirs = measure("-", plain, "cpu", 1, sql_file("path_walk.sql"))[0]
    same = answer(plain, "-", sql_file("path_walk.sql")) == want
    b.results.add(what, "sqlite, recursive", "again, cpu", spans / theirs * 1000, "spans/s", theirs / warm,
                  note="" if same else "another answer")
    if "@duckdb/node-api" in engines():
        try:
            theirs, found = duckdb_walk(csv, sql_file("path_walk_duckdb.sql"))
            b.results.add(what, "duckdb, recursive", "1 thread, cpu", spans / theirs * 1000, "spans/s", theirs / warm,
                          note="" if duckdb_rows(found) == want else "another answer")
        except Failed as failure:
            b.results.absent(what, "duckdb, recursive", "1 thread, cpu", str(failure))
    for mode in ("default", "crisp"):
        middle, high, _, _ = measure(SO, database, "lookup", 1000, "SELECT trace_id FROM pythia_traces",
                                     PATH.format(mode))[0]
        b.results.add("critical path of a trace by id", "pythia", f"{mode}, median", middle, "us")
        b.results.add("critical path of a trace by id", "pythia", f"{mode}, 99th percentile", high, "us")
    _, what_if = measure(SO, database, "cpu", 1, WHAT_IF)[0]
    b.results.add("what if, every trace anew", "pythia", "again, cpu", spans / what_if * 1000, "spans/s")
    for path in (plain, csv):
        os.remove(path)
