"""bench_order.py - causal order: ancestor pairs, happened-before joins, a wide event graph, beside recursive queries."""
import json
import os

from common import *

ANCESTORS = "SELECT count(*) FROM pythia_related('ancestor')"
ALL_PAIRS = ("SELECT count(*) FROM pythia_events AS a CROSS JOIN pythia_events AS b"
             " ON b.happens_after = a.event_id WHERE a.event_id < 4294967296 * 3")
JOIN = ("SELECT {} FROM pythia_events AS a JOIN pythia_events AS b ON b.happens_before = a.event_id"
        " WHERE a.tracepoint = {} AND b.tracepoint = {}")
PAIRS = "SELECT {} FROM pythia_pairs WHERE other_tracepoint = {} AND tracepoint = {}"
MEAN = {JOIN: "count(*), avg(a.time_ns - b.time_ns)", PAIRS: "count(*), avg(duration_ns)"}
GRAPH = ("SELECT count(*) FROM pythia_events AS q JOIN pythia_events AS p"
         " ON p.happens_before = q.event_id AND p.hb_tracepoint = 'P'{} WHERE q.tracepoint = 'Q'")
RECURSIVE = """WITH RECURSIVE up(id, ancestor) AS (
  SELECT id, parent FROM spans WHERE parent IS NOT NULL
  UNION ALL SELECT up.id, s.parent FROM up JOIN spans AS s ON s.id = up.ancestor WHERE s.parent IS NOT NULL)
SELECT count(*) FROM up"""


def plain_spans(database):
    """Parent links with integer ids as an ordinary table, and as CSV."""
    plain, csv = fresh("order.db"), os.path.join(BENCH, "order.csv")
    Run([SQLITE3, "-batch", "-bail", database], f""".load {SO}
ATTACH {quoted(plain)} AS plain;
CREATE TABLE plain.s AS SELECT trace_id, span_id, parent_id FROM pythia_spans;
CREATE INDEX plain.s_id ON s(trace_id, span_id);
CREATE TABLE plain.spans(id INTEGER PRIMARY KEY, parent INTEGER);
INSERT INTO plain.spans SELECT c.rowid, p.rowid
FROM plain.s AS c LEFT JOIN plain.s AS p ON p.trace_id = c.trace_id AND p.span_id = c.parent_id;
DROP TABLE plain.s;
.mode csv
.headers on
.once {csv}
SELECT * FROM plain.spans;
""")
    return plain, csv


def graph(events, points):
    """One X-Trace workflow of forks and joins over 64 threads, with `points` events P and as many Q."""
    path, reports, state, last = os.path.join(BENCH, "graph.xtrace.json"), [], 1, [1] * 64
    for e in range(1, events + 1):
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        thread, other = state >> 33 & 63, state >> 45 & 63
        before = [] if e == 1 else [last[thread]] + ([last[other]] if state >> 20 & 3 == 0 and last[other] != last[thread] else [])
        label = "PQ"[e // (events // points // 2) & 1] if e % (events // points // 2) == 0 else "E"
        reports.append({"X-Trace": [f"19{1:016x}{e:016x}"], "Label": [label], "Timestamp": [str(1_600_000_000_000 + e)],
                        "Edge": [f"{b:016x}" for b in before]})
        last[thread] = e
    with open(path, "w", encoding="utf-8") as file:
        json.dump([{"id": f"{1:016x}", "reports": reports}], file)
    return path


def count(database, sql, so=SO):
    load = f".load {so}\n" if so != "-" else ""
    return int(Run([SQLITE3, "-batch", "-bail", database], f"{load}{sql};\n").out)


def bench_ancestors(b, database):
    pairs = count(database, ANCESTORS)
    cold, warm = measure(SO, database, "cpu", 5, ANCESTORS)[0]
    note = f"{pairs:,} pairs, through SQL"
    b.results.add("all ancestor pairs", "pythia", "first in a connection, cpu", cold, "ms", note=note)
    b.results.add("all ancestor pairs", "pythia", "again, cpu", warm, "ms", at_most=200 if b.traces == 50000 else None,
                  note=note)
    plain, csv = plain_spans(database)
    _, theirs = measure("-", plain, "cpu", 1, RECURSIVE)[0]
    same = count(plain, RECURSIVE, "-") == pairs
    b.results.add("all ancestor pairs", "sqlite, recursive", "again, cpu", theirs, "ms", theirs / warm,
                  note="" if same else "another answer")
    if "@duckdb/node-api" in engines():
        theirs, found = duckdb_walk(csv, RECURSIVE + ";\n")
        b.results.add("all ancestor pairs", "duckdb, recursive", "1 thread, cpu", theirs, "ms", theirs / warm,
                      note="" if str(pairs) in found else "another answer")
    for path in (plain, csv):
        os.remove(path)


def plain_points(database, later, sooner):
    """Parents, effective times and whether a span is of either trace point, as an ordinary table and as CSV."""
    plain, csv = fresh("before.db"), os.path.join(BENCH, "before.csv")
    Run([SQLITE3, "-batch", "-bail", database], f""".load {SO}
ATTACH {quoted(plain)} AS plain;
CREATE TABLE plain.s AS SELECT trace_id, span_id, parent_id, start_ns, start_ns + duration_ns AS end_ns,
  CASE tracepoint WHEN {sooner} THEN 1 WHEN {later} THEN 2 ELSE 0 END AS point FROM pythia_spans;
CREATE INDEX plain.s_id ON s(trace_id, span_id);
CREATE TABLE plain.p AS SELECT c.rowid AS id, p.rowid AS parent FROM plain.s AS c
LEFT JOIN plain.s AS p ON p.trace_id = c.trace_id AND p.span_id = c.parent_id;
CREATE INDEX plain.p_parent ON p(parent);
CREATE TABLE plain.spans(id INTEGER PRIMARY KEY, parent INTEGER, point INTEGER, from_ns INTEGER, to_ns INTEGER);
INSERT INTO plain.spans WITH RECURSIVE down(id, parent, from_ns) AS (
  SELECT id, NULL, start_ns FROM plain.p JOIN plain.s ON s.rowid = id WHERE parent IS NULL
  UNION ALL SELECT p.id, p.parent, max(s.start_ns, down.from_ns) FROM down JOIN plain.p ON p.parent = down.id JOIN plain.s ON s.rowid = p.id)
SELECT id, parent, point, from_ns, max(end_ns, from_ns) FROM down JOIN plain.s ON s.rowid = id;
DROP TABLE plain.s;
DROP TABLE plain.p;
CREATE INDEX plain.by_point ON spans(point);
ANALYZE plain;
.mode csv
.headers on
.once {csv}
SELECT * FROM plain.spans;
""")
    return plain, csv


def bench_points(b, database):
    what = "happened-before join of two trace points"
    names = Run([SQLITE3, "-batch", database], f".load {SO}\nSELECT quote(tracepoint) FROM pythia_spans GROUP BY 1"
                " ORDER BY count(*) DESC, 1 LIMIT 2;\n").out.split("\n")[:2]
    outer = count(database, f"SELECT count(*) FROM pythia_events WHERE tracepoint = {names[0]}")
    pairs = count(database, PAIRS.format("count(*)", *names))
    note = f"{pairs:,} pairs in {b.traces:,} traces"
    for query, how in ((PAIRS, "pythia_pairs"), (JOIN, "pythia_events joined")):
        same = "" if count(database, query.format("count(*)", *names)) == pairs else "another answer, "
        first, again = measure(SO, database, "cpu", 9, query.format("count(*)", *names))[0]
        _, mean = measure(SO, database, "cpu", 5, query.format(MEAN[query], *names))[0]
        b.results.add(what, "pythia", f"{how}, first in a connection, cpu", pairs / first * 1000, "pairs/s", note=f"{first:.0f} ms")
        b.results.add(what, "pythia", f"{how}, again, cpu", pairs / again * 1000, "pairs/s", note=f"{same}{note}, {again:.1f} ms")
        b.results.add(what, "pythia", f"{how}, with their times, again, cpu", pairs / mean * 1000, "pairs/s", note=f"{mean:.1f} ms")
        if query == PAIRS:
            warm = again
    join, scan = measure("-", ":memory:", "empty", outer, pairs, 9)[0]
    b.results.add(what, "pythia", "pythia_pairs, again, inside the engine, cpu", pairs / max(warm - scan, 0.001) * 1000, "pairs/s",
                  at_least=1e7 if b.traces == 50000 else None, note=f"less what SQLite takes for as many rows of a table without contents: {scan:.1f} ms")
    b.results.add(what, "sqlite alone", "a join of empty tables of this shape, cpu", pairs / join * 1000, "pairs/s",
                  note=f"{outer:,} rows on the left: no join through SQL is faster; {join:.1f} ms")
    plain, csv = plain_points(database, *names)
    walk = sql_file("before_walk.sql")
    _, theirs = measure("-", plain, "cpu", 1, walk)[0]
    b.results.add(what, "sqlite, recursive", "again, cpu", pairs / theirs * 1000, "pairs/s", theirs / warm,
                  note="" if count(plain, walk, "-") == pairs else "another answer")
    if "@duckdb/node-api" in engines():
        theirs, found = duckdb_walk(csv, "SET memory_limit = '2GB';\n" + walk + ";\n")
        b.results.add(what, "duckdb, recursive", "1 thread, cpu", pairs / theirs * 1000, "pairs/s", theirs / warm,
                      note="" if str(pairs) in found else "another answer")
    for path in (plain, csv):
        os.remove(path)


def run(b):
    database = stored(b)
    bench_ancestors(b, database)
    pairs = count(database, ALL_PAIRS)
    _, warm = measure(SO, database, "cpu", 3, ALL_PAIRS)[0]
    b.results.add("happened-before, all pairs of three segments", "pythia", "again, cpu", pairs / warm * 1000, "pairs/s",
                  note=f"{pairs:,} pairs")
    bench_points(b, database)
    small = fresh("graph.db")
    pythia_import(small, graph(7500, 500))
    for name, filtered in (("all", ""), ("first", " AND p.hb_filter = 'first'"), ("most recent", " AND p.hb_filter = 'recent'")):
        sql = GRAPH.format(filtered)
        _, warm = measure(SO, small, "cpu", 9, sql)[0]
        b.results.add("join over a graph of 7,500 events", "pythia", f"{name}, cpu", warm, "ms",
                      at_most=10 if name == "all" else None, note=f"{count(small, sql):,} pairs")
