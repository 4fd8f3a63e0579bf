"""bench_import.py - the same bytes through Pythia, DuckDB, ClickHouse and json_each: speed, memory, size."""
import os
import re

from common import *

BY_SPAN = "SELECT * FROM pythia_spans WHERE span_id = ?1"
BY_ID = "SELECT * FROM {} WHERE trace_id = ?1"


def threads_known(path):
    """Whether pythia_import can be told its number of threads."""
    try:
        pythia_import(fresh("probe.db"), path, {"threads": 1})
        return True
    except Failed:
        return False


def wrong_count(engine, run, spans):
    """What to say when an engine did not find as many spans as there are; nothing when it did."""
    numbers = [int(x) for x in re.findall(r"\d+", run.out)]
    # pythia_import returns spans and events, and each of these spans is two events.
    found = {"pythia": lambda: numbers[-1] / 3, "duckdb": lambda: numbers[-1]}.get(engine, lambda: numbers[0])
    return "" if numbers and found() == spans else f"wrong: {run.out.strip()[-60:]} instead of {spans} spans"


def bench_starts(b, has):
    """What a process of each engine takes to do nothing: part of every time below."""
    nothing = {"pythia": ([SQLITE3, "-batch", ":memory:"], f".load {SO}\nSELECT 1;\n"),
               "duckdb": (["node", os.path.join(SOURCES, "duckdb.js"), ":memory:", "2"], "SELECT 1;\n"),
               "clickhouse": (["node", os.path.join(SOURCES, "chdb.js")], "SELECT 1")}
    package = {"duckdb": "@duckdb/node-api", "clickhouse": "chdb"}
    for engine, (command, text) in nothing.items():
        if package.get(engine, engine) not in has | {"pythia"}:
            continue
        runs = rounds(3, {engine: lambda: Run(command, text)})[engine]
        if isinstance(runs, str):
            b.results.absent("start and end of a process", engine, "", runs)
        else:
            b.results.add("start and end of a process", engine, "", median(runs, "seconds") * 1000, "ms")


def import_contestants(b, path, has, variant):
    def pythia(threads):
        options = {"threads": threads} if b.threads else None
        return lambda: pythia_import(fresh(f"pythia-{variant}.db"), path, options)

    duck, click = "@duckdb/node-api" in has, "chdb" in has
    all_ = {("pythia", 1): pythia(1)}
    if b.threads:
        all_[("pythia", 2)] = pythia(2)
    if duck:
        all_[("duckdb", 2)] = lambda: duckdb_load(fresh(f"duck-{variant}.db"), path, 2)
    if click and variant == "plain":
        all_[("clickhouse", 2)] = lambda: clickhouse("clickhouse_scan.sql", path, 2)
    if variant == "plain":
        if duck:
            all_[("duckdb", 1)] = lambda: duckdb_load(fresh("duck-one.db"), path, 1)
        if click:
            all_[("clickhouse", 1)] = lambda: clickhouse("clickhouse_scan.sql", path, 1)
            all_[("clickhouse count", 2)] = lambda: clickhouse("clickhouse_count.sql", path, 2)
    return all_


def bench_import_variant(b, variant, has):
    path = generated(b.traces, b.seed, variant=variant)
    read_ahead(path)
    mb, spans = os.path.getsize(path) / 1e6, b.traces * SPANS
    runs = rounds(b.rounds, import_contestants(b, path, has, variant))
    best = max((t for e, t in runs if e == "pythia" and not isinstance(runs["pythia", t], str)), default=None)
    ours = runs["pythia", best] if best else None
    for (engine, threads), list_ in runs.items():
        name = f"{variant}, {threads} thread" + ("s" if threads > 1 else "")
        what = "scan" if engine.startswith("clickhouse") else "import"
        if isinstance(list_, str):
            b.results.absent(what, engine, name, list_)
            continue
        wall, cpu = median(list_, "seconds"), median(list_, "cpu")
        ratio = wall / median(ours, "seconds") if ours and engine != "pythia" else None
        goal = {("duckdb", 2): 6, ("clickhouse", 2): 3}.get((engine, threads)) if b.traces >= 50000 else None
        wrong = [text for text in (wrong_count(engine, run, spans) for run in list_) if text]
        b.results.add(what, engine, name, mb / wall, "MB/s", ratio, at_least=goal, of="ratio", note=" ".join(wrong[:1]))
        ratio = cpu / median(ours, "cpu") if ours and engine != "pythia" else None
        b.results.add(what + " cpu", engine, name, cpu / spans * 1e6, "us/span", ratio)
        b.results.add(what + " peak", engine, name, median(list_, "peak_mb"), "MB",
                      at_most=512 if engine == "pythia" else None)
    if ours:
        b.import_seconds[variant] = median(ours, "seconds")
    for engine, file, bound in (("pythia", f"pythia-{variant}.db", 28 if variant == "plain" else None),
                                ("duckdb", f"duck-{variant}.db", None)):
        size = os.path.join(BENCH, file)
        if os.path.exists(size):
            b.results.add("database size", engine, variant, os.path.getsize(size) / spans, "bytes/span",
                          at_most=bound)


def bench_import_sqlite(b):
    """A tenth of the input through json_each: the whole takes minutes and the speed is the same."""
    part, path = os.path.join(BENCH, "slice.jsonl"), generated(b.traces, b.seed)
    with open(path, "rb") as whole, open(part, "wb") as out:
        for _ in range(max(1, b.traces // 10)):
            out.write(whole.readline())
    try:
        run = Run([SQLITE3, "-batch", "-bail", fresh("sqlite.db")], sql_file("sqlite_load.sql", input=part))
    except Failed as failure:
        b.results.absent("import", "sqlite json_each", "plain", str(failure))
        return
    speed, spans = os.path.getsize(part) / 1e6 / run.seconds, max(1, b.traces // 10) * SPANS
    ours = os.path.getsize(path) / 1e6 / b.import_seconds["plain"] if "plain" in b.import_seconds else None
    b.results.add("import", "sqlite json_each", "plain, 1 thread", speed, "MB/s", ours and ours / speed,
                  at_least=15 if b.traces >= 50000 else None, of="ratio", note="a tenth of the input")
    b.results.add("import cpu", "sqlite json_each", "plain, 1 thread", run.cpu / spans * 1e6, "us/span",
                  note="a tenth of the input")


def bench_import_format(b, form, goal=None):
    """The same spans in another format, by time per span against OTLP JSON, in turn with it."""
    path, json = generated(b.traces, b.seed, form), generated(b.traces, b.seed)
    read_ahead(path)
    both = rounds(b.rounds, {"json": lambda: pythia_import(fresh("format.db"), json),
                             "pythia": lambda: pythia_import(fresh("format.db"), path)})
    runs, spans = both["pythia"], b.traces * SPANS
    if isinstance(runs, str):
        b.results.absent("import", "pythia", form, "not yet: " + runs)
        return
    if sum(int(x) for x in runs[0].out.split() or [0]) == 0:
        b.results.absent("import", "pythia", form, "not yet: nothing was taken in")
        return
    wall, wrong = median(runs, "seconds"), wrong_count("pythia", runs[0], spans)
    ratio = None if isinstance(both["json"], str) else median(both["json"], "seconds") / wall
    b.results.add("import per span", "pythia", form, wall / spans * 1e6, "us/span", ratio,
                  at_least=goal if b.traces >= 50000 else None, of="ratio", note=wrong or "ratio: OTLP JSON's time over this")
    b.results.add("import cpu", "pythia", form, median(runs, "cpu") / spans * 1e6, "us/span")


def bench_import_more(b):
    """As many traces again, into a store that has some: by time, in turn with an empty one."""
    path, before = generated(b.traces, b.seed + 1), generated(b.traces, b.seed)
    read_ahead(path)
    file = os.path.join(BENCH, "pythia-more.db")

    def filled():
        pythia_import(fresh("pythia-more.db"), before)
        return pythia_import(file, path)

    both = rounds(b.rounds, {"empty": lambda: pythia_import(fresh("pythia-more.db"), path), "filled": filled})
    failed = next((runs for runs in both.values() if isinstance(runs, str)), None)
    if failed:
        b.results.absent("import", "pythia", "into a store", failed)
        return
    seconds = {name: median(runs, "seconds") for name, runs in both.items()}
    b.results.add("import per span", "pythia", f"into a store of {b.traces:,} traces",
                  seconds["filled"] / b.traces / SPANS * 1e6, "us/span", seconds["filled"] / seconds["empty"],
                  note="ratio: to an empty one")


def bench_import_long(b):
    """Ten times the input, in turn with the input: what time per span and memory do."""
    traces = b.traces * 10
    path, short = generated(traces, b.seed), generated(b.traces, b.seed)
    read_ahead(path)
    os.sync()  # else what was generated is being written while the import is measured
    both = rounds(2, {"short": lambda: pythia_import(fresh("pythia-short.db"), short),
                      "long": lambda: pythia_import(fresh("pythia-long.db"), path)})
    failed = next((runs for runs in both.values() if isinstance(runs, str)), None)
    if failed:
        b.results.absent("import", "pythia", f"plain, {traces:,} traces", failed)
        return
    run, least = (min(both[name], key=lambda r: r.seconds) for name in ("long", "short"))
    name = f"plain, {traces:,} traces"
    b.results.add("import per span", "pythia", name, run.seconds / traces / SPANS * 1e6, "us/span",
                  run.seconds / least.seconds / 10, at_most=1.1, of="ratio", note=f"ratio: to {b.traces:,} traces")
    b.results.add("import cpu", "pythia", name, run.cpu / traces / SPANS * 1e6, "us/span")
    b.results.add("import peak", "pythia", name, run.peak_mb, "MB", at_most=512)
    b.results.add("database size", "pythia", name,
                  os.path.getsize(os.path.join(BENCH, "pythia-long.db")) / traces / SPANS, "bytes/span", at_most=28)
    middle, high, _, _ = measure(SO, os.path.join(BENCH, "pythia-long.db"), "lookup", 1000,
                                 "SELECT trace_id FROM pythia_traces", BY_ID.format("pythia_spans"))[0]
    b.results.add("a trace by id", "pythia", f"warm, median, {traces:,} traces", middle, "us", at_most=100)
    b.results.add("a trace by id", "pythia", f"warm, 99th percentile, {traces:,} traces", high, "us")
    middle, _, _, _ = measure(SO, os.path.join(BENCH, "pythia-long.db"), "lookup", 1000,
                              "SELECT span_id FROM pythia_spans WHERE rowid % 977 = 0", BY_SPAN)[0]
    b.results.add("a span by id", "pythia", f"warm, median, {traces:,} traces", middle, "us", at_most=1000)


def run(b):
    has = engines()
    for name, package in (("duckdb", "@duckdb/node-api"), ("clickhouse", "chdb")):
        if package not in has:
            b.results.absent("import", name, "plain", f"npm package {package} is not installed")
    bench_starts(b, has)
    small = generated(100, b.seed)
    b.threads = threads_known(small)
    if not b.threads:
        b.results.absent("import", "pythia", "plain, 2 threads", "not yet: there is no option threads")
    for variant in ("plain", "scattered", "entropy"):
        bench_import_variant(b, variant, has)
    bench_import_sqlite(b)
    bench_import_format(b, "otlp-pb", goal=1)
    bench_import_format(b, "jaeger")
    bench_import_more(b)
    if b.long:
        bench_import_long(b)
