"""bench_queries.py - reading back: scans, a trace or a span by id, groups, beside an ordinary table."""
import os

from common import *

GROUP_BY = "SELECT operation, count(*), avg(duration_ns) FROM {} GROUP BY 1"
TOP = "SELECT trace_id, span_id, operation, duration_ns FROM {} ORDER BY duration_ns DESC LIMIT 10"
BY_ID = "SELECT * FROM {} WHERE trace_id = ?1"
COMPARE = "SELECT count(*) FROM pythia_compare('start_ns <= {0}', 'start_ns > {0}')"
BY_SPAN = "SELECT * FROM pythia_spans WHERE span_id = ?1"
GROUPS = "SELECT group_id, traces, mean_ns, stddev_ns, cov FROM pythia_groups ORDER BY cov DESC"


def lookup(so, database, ids, sql):
    """The quietest of five passes over 1,000 random ids: other work on the machine makes any of them up to twice as slow."""
    return min(measure(so, database, "lookup", 1000, ids, sql)[0] for _ in range(5))


def run(b):
    database, plain = stored(b), fresh("plain.db")
    script = (f".load {SO}\nATTACH {quoted(plain)} AS plain;\n"
              "CREATE TABLE plain.spans AS SELECT * FROM pythia_spans;\n"
              "CREATE INDEX plain.by_trace ON spans(trace_id);\n")
    start = Run([SQLITE3, "-batch", "-bail", database], script)
    spans = b.traces * SPANS
    b.results.add("copy pythia_spans to a table", "pythia", "plain", start.seconds / spans * 1e6, "us/span")
    for what, sql in (("group by operation", GROUP_BY), ("ten longest spans", TOP)):
        _, ours = measure(SO, database, "time", 3, sql.format("pythia_spans"))[0]
        _, theirs = measure("-", plain, "time", 3, sql.format("spans"))[0]
        b.results.add(what, "sqlite table", "warm", theirs, "ms")
        b.results.add(what, "pythia", "warm", ours, "ms", theirs / ours, at_least=1, of="ratio")
    for engine, so, path, table, bound in (("pythia", SO, database, "pythia_spans", 100),
                                           ("sqlite table", "-", plain, "spans", None)):
        ids = f"SELECT DISTINCT trace_id FROM {'pythia_traces' if so == SO else 'spans'}"
        middle, high, _, rows = lookup(so, path, ids, BY_ID.format(table))
        found = "" if rows == 1000 * SPANS else f"{rows:g} rows instead of {1000 * SPANS}"
        b.results.add("a trace by id", engine, "warm, median", middle, "us", at_most=bound, note=found)
        b.results.add("a trace by id", engine, "warm, 99th percentile", high, "us")
    some = "SELECT span_id FROM pythia_spans WHERE rowid % 97 = 0"
    for found, ids in (("", some), (", not there", f"SELECT substr(span_id, 2) || '0' FROM ({some})")):
        middle, high, _, _ = lookup(SO, database, ids, BY_SPAN)
        b.results.add("a span by id", "pythia", "warm, median" + found, middle, "us", at_most=500)
        b.results.add("a span by id", "pythia", "warm, 99th percentile" + found, high, "us")
    cold, warm = measure(SO, database, "time", 9, GROUPS)[0]
    b.results.add("pythia_groups by cov", "pythia", "first in a connection", cold, "ms", at_most=10)
    b.results.add("pythia_groups by cov", "pythia", "warm", warm, "ms", at_most=10)
    middle = Run([SQLITE3, "-batch", database], f".load {SO}\nSELECT start_ns FROM pythia_traces ORDER BY 1"
                 f" LIMIT 1 OFFSET {b.traces // 2};\n").out.strip()
    _, warm = measure(SO, database, "cpu", 1, COMPARE.format(middle))[0]
    b.results.add("pythia_compare of the two halves", "pythia", "again, cpu", spans / warm * 1000, "spans/s", note=f"{warm:.0f} ms")
    os.remove(plain)
