"""bench_statistics.py - the statistical functions beside avg, sum, std::sort, DuckDB and R."""
import os
import shutil
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
    """In DuckDB's quickest form, with both quantiles from one call."""
    script = (f"CREATE TABLE long AS SELECT (({number}) / 1000.0)::DOUBLE AS x"
              f" FROM (SELECT unnest(range(1, {values + 1})) AS i);\n" +
              "SELECT quantile_cont(x, [0.5, 0.99]) FROM long;\n" * 4)
    run = Run(["node", os.path.join(SOURCES, "duckdb.js"), ":memory:", "1"], script)
    return statistics.median(float(s) for s in run.err.split()[2:]) * 1000


def r_cancor(database):
    """cancor() of R on the same matrix in memory, which it need not read from a database."""
    if shutil.which("Rscript") is None:
        return Failed("R is not installed (r-base-core)")
    path = fresh("wide.csv")
    columns = ", ".join(f"format('%.17g', c{k})" for k in range(24))
    with open(path, "w") as f:
        f.write(Run([SQLITE3, "-batch", "-csv", database], f"SELECT {columns} FROM wide;\n").out)
    script = (f"m <- as.matrix(read.csv('{path}', header = FALSE)); y <- m[, 1:4]; x <- m[, 5:24];"
              "t <- sapply(1:3, function(i) system.time(cancor(x, y))[['elapsed']]); cat(median(t) * 1000, '\\n')")
    try:
        return float(Run(["Rscript", "--vanilla", "-e", script]).out)
    except Failed as failure:
        return failure
    finally:
        os.remove(path)


def std_sort(database, values):
    numbers = Run([SQLITE3, "-batch", database],
                  f"SELECT format('%.17g', x) FROM long WHERE rowid <= {values};\n").out
    return float(Run([tool("sort", language="cpp"), "5"], numbers).out)


def bench_cca(row, ours, rows, database, goal):
    columns = ", ".join(f"c{k}" for k in range(24))
    joint = ours(f"SELECT * FROM cca_query('SELECT {columns} FROM wide', 4)")
    row("cca", "R", rows + "4 against 20", r_cancor(database), note="a matrix in memory")
    row("cca", "pythia", rows + "4 against 20", joint, **goal)
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

    def row(what, engine, variant, value, ratio=None, **more):
        if isinstance(value, Failed):
            b.results.absent(what, engine, variant, str(value))
        else:
            b.results.add(what, engine, variant, value, "ms", ratio, **more)

    def over(a, c):
        return None if isinstance(a, Failed) or isinstance(c, Failed) else a / c

    name = f"{values // 10:,} values, 1,000 groups"
    average = ours("SELECT g, avg(x) FROM grouped GROUP BY g")
    variation = ours("SELECT g, cov(x) FROM grouped GROUP BY g")
    row("avg by group", "sqlite", name, average)
    row("cov by group", "pythia", name, variation, over(variation, average), at_most=1.3, of="ratio",
        note="ratio: time over that of avg")
    sorting = std_sort(database, values // 10)
    row("std::sort", "c++", f"{values // 10:,} values", sorting)
    first = f"FROM long WHERE rowid <= {values // 10}"
    dip = ours(f"SELECT dip(x) {first}")
    row("dip", "pythia", f"{values // 10:,} values", dip, over(dip, sorting), at_most=1.3, of="ratio",
        note="ratio: time over that of std::sort, reading the rows included")
    for function in ("modes", "robust_cov"):
        row(function, "pythia", f"{values // 10:,} values", ours(f"SELECT {function}(x) {first}"))
    quantiles = ours("SELECT median(x), percentile(x, 99) FROM long")
    theirs = Failed("not installed")
    if installed("@duckdb/node-api"):
        theirs = duckdb_quantiles(values, number)
    row("median and 99th percentile", "duckdb", f"{values:,} values, 1 thread", theirs)
    row("median and 99th percentile", "pythia", f"{values:,} values", quantiles, over(quantiles, theirs),
        at_most=2, of="ratio", note="ratio: time over DuckDB's")
    row("sum", "sqlite", f"{values:,} values", ours("SELECT sum(x) FROM long"), note="reading the same rows")
    bench_cca(row, ours, f"{values // 100:,} rows, ", database, {} if b.quick else {"at_most": 100})
    os.remove(database)
