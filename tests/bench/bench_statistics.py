"""bench_statistics.py - the statistical functions beside avg, sum and DuckDB."""
import os
import statistics

from common import *


def statistics_database(b, values):
    """One table of values in 1,000 groups with an index in group order, one of 24 columns for cca."""
    path = fresh("statistics.db")
    # Squares modulo a prime: the same pseudo-random numbers in any engine that has 64-bit integers.
    number = "(i * i % 2147483647 * 40503 + i * 69621) % 2147483647"
    columns = ", ".join(f"({number.replace('i', f'(i + {k} * 1000003)')}) / 2147483647.0 AS c{k}"
                        for k in range(24))
    mixed = ", ".join(f"c{k} + {'c%d * 0.3' % (k + 4) if k < 4 else '0'} AS c{k}" for k in range(24))
    script = f"""PRAGMA journal_mode = off; PRAGMA synchronous = off;
CREATE TABLE long(x REAL);
INSERT INTO long WITH s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {values})
  SELECT ({number}) / 1000.0 FROM s;
CREATE TABLE grouped(g INTEGER, x REAL);
INSERT INTO grouped SELECT rowid % 1000, x FROM long WHERE rowid <= {values // 10};
CREATE INDEX by_group ON grouped(g, x);
CREATE TABLE wide AS WITH s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {values // 100}),
  raw AS MATERIALIZED (SELECT {columns} FROM s) SELECT {mixed} FROM raw;
"""
    Run([SQLITE3, "-batch", "-bail", path], script)
    return path, number


def duckdb_quantiles(values, number):
    script = (f"CREATE TABLE long AS SELECT (({number}) / 1000.0)::DOUBLE AS x"
              f" FROM (SELECT unnest(range(1, {values + 1})) AS i);\n" +
              "SELECT median(x), quantile_cont(x, 0.99) FROM long;\n" * 4)
    run = Run(["node", os.path.join(SOURCES, "duckdb.js"), ":memory:", "2"], script)
    return statistics.median(float(s) for s in run.err.split()[2:]) * 1000


def bench_cca(row, ours, rows):
    columns = ", ".join(f"c{k}" for k in range(24))
    row("cca", "pythia", rows + "4 against 20", ours(f"SELECT * FROM cca_query('SELECT {columns} FROM wide', 4)"))
    row("cca", "R", rows + "4 against 20", Failed("not compared with"))
    columns = ", ".join(f"c{k}" for k in range(4, 24))
    row("cca", "pythia", rows + "1 against 20", ours(f"SELECT cca(c0, {columns}) FROM wide"))
    columns = ", ".join(f"sum(c{k})" for k in range(24))
    row("sum of 24 columns", "sqlite", rows + "24 columns", ours(f"SELECT {columns} FROM wide"),
        note="reading the same rows")


def run(b):
    values = 1_000_000 if b.quick else 10_000_000
    database, number = statistics_database(b, values)

    def ours(sql, runs=3):
        try:
            return measure(SO, database, "time", runs, sql)[0][1]
        except Failed as failure:
            return Failed(f"not yet: {failure}")

    def row(what, engine, variant, value, ratio=None, note=""):
        if isinstance(value, Failed):
            b.results.absent(what, engine, variant, str(value))
        else:
            b.results.add(what, engine, variant, value, "ms", ratio, note=note)

    def over(a, c):
        return None if isinstance(a, Failed) or isinstance(c, Failed) else a / c

    name = f"{values // 10:,} values, 1,000 groups"
    average = ours("SELECT g, avg(x) FROM grouped GROUP BY g")
    variation = ours("SELECT g, cov(x) FROM grouped GROUP BY g")
    row("avg by group", "sqlite", name, average)
    row("cov by group", "pythia", name, variation, over(variation, average), "ratio: time over that of avg")
    for function in ("dip", "modes", "robust_cov"):
        row(function, "pythia", f"{values // 10:,} values", ours(f"SELECT {function}(x) FROM grouped"))
    quantiles = ours("SELECT median(x), percentile(x, 99) FROM long")
    theirs = Failed("not installed")
    if installed("@duckdb/node-api"):
        theirs = duckdb_quantiles(values, number)
    row("median and 99th percentile", "duckdb", f"{values:,} values, 2 threads", theirs)
    row("median and 99th percentile", "pythia", f"{values:,} values", quantiles, over(theirs, quantiles))
    row("sum", "sqlite", f"{values:,} values", ours("SELECT sum(x) FROM long"), note="reading the same rows")
    bench_cca(row, ours, f"{values // 100:,} rows, ")
    os.remove(database)
