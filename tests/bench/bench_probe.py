"""bench_probe.py - trace points in programs: off, on, and how soon a COMMIT reaches them."""
import os
import shutil
import statistics
import subprocess
import sqlite3
import time

from common import *

FLIPS = 200
RULES = 1000


class Page:
    """A control page and the measuring program that uses it."""

    def __init__(self):
        self.path = os.path.join("/dev/shm" if os.path.isdir("/dev/shm") else BENCH, f"pythia.bench.{os.getpid()}")
        self.environment = dict(os.environ, PYTHIA_PAGE=self.path)
        self.program = tool("probe", "-I" + HERE, os.path.join(os.path.dirname(BENCH), "libpythia_probe.a"), "-lpthread")

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise Failed(f"probe {arguments[0]}: exit status {done.returncode}")
        return done.stdout

    def start(self, *arguments):
        return subprocess.Popen([self.program, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True)

    def remove(self):
        if os.path.exists(self.path):
            os.unlink(self.path)

    def connect(self, database):
        db = sqlite3.connect(database, isolation_level=None)
        db.enable_load_extension(True)
        db.load_extension(SO)
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA synchronous = normal")
        db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('bench', 'page', ?)", (self.path,))
        return db


def costs(b, page):
    empty, off, point, span = (float(x) for x in page.run("cost").split())
    b.results.add("trace point that is off", "pythia", "over an empty loop", max(0, off - empty), "ns", at_most=1,
                  note=f"an empty round {empty:.2f} ns")
    b.results.add("record with two values", "pythia", "point", point, "ns", at_most=50)
    b.results.add("record with two values", "pythia", "span, begin and end", span, "ns")
    return span, point


def otel(b, span):
    if not installed("@opentelemetry/sdk-trace-base"):
        b.results.absent("record with two values", "opentelemetry", "span", "not installed")
        return
    ns = float(Run(["node", os.path.join(SOURCES, "otel_span.js")]).out)
    b.results.add("record with two values", "opentelemetry", "span, SDK for Node", ns, "ns", ratio=ns / span)


def lttng(b, point):
    """An event of LTTng-UST, off and in a snapshot session, where LTTng is installed."""
    if not shutil.which("lttng") or subprocess.run(["pkg-config", "--exists", "lttng-ust"]).returncode:
        b.results.absent("record with two values", "lttng-ust", "event", "not installed")
        return
    program = tool("lttng_event", "-I" + HERE, "-llttng-ust", "-ldl")
    off = float(Run([program]).out)
    b.results.add("trace point that is off", "lttng-ust", "a round of the loop", off, "ns")
    try:
        Run(["lttng", "create", "pythia-bench", "--snapshot"])
        Run(["lttng", "enable-event", "-u", "pythia_bench:event"])
        Run(["lttng", "start"])
        on = float(Run([program]).out)
    finally:
        subprocess.run(["lttng", "destroy", "pythia-bench"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    b.results.add("record with two values", "lttng-ust", "event", on, "ns", ratio=on / point)


def effect(b, page, name, database):
    """From the beginning and from the end of COMMIT to the trace point's change, in a program that looks."""
    watcher = page.start("watch", str(FLIPS))
    watcher.stdout.readline()
    db = page.connect(database)
    db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bench/other', 0)")
    begun, ended, seen = [], [], []
    for i in range(FLIPS):
        db.execute("BEGIN")
        if i % 2 == 0:
            db.execute("INSERT INTO pythia_control(rule_id, tracepoint) VALUES(77, 'bench/watched')")
        else:
            db.execute("DELETE FROM pythia_control WHERE rule_id = 77")
        begun.append(time.monotonic_ns())
        db.execute("COMMIT")
        ended.append(time.monotonic_ns())
        seen.append(int(watcher.stdout.readline()))
    watcher.wait()
    db.close()
    from_begin = statistics.median(s - t for s, t in zip(seen, begun)) / 1e6
    commit = statistics.median(e - t for e, t in zip(ended, begun)) / 1e6
    b.results.add("COMMIT to effect, median", "pythia", name, from_begin, "ms", at_most=1,
                  note=f"from the beginning of COMMIT, which takes {commit:.2f} ms")


def many_rules(b, page):
    page.run("points", str(RULES))
    times = []
    for i in range(3):
        database = fresh("control.db")
        db = page.connect(database)
        start = time.monotonic()
        db.execute("BEGIN")
        db.executemany("INSERT INTO pythia_control(tracepoint, enabled) VALUES(?, ?)",
                       ((f"bench/p{i}", 1) for i in range(RULES)))
        db.execute("COMMIT")
        times.append((time.monotonic() - start) * 1000)
        if db.execute("SELECT count(*) FROM pythia_tracepoints WHERE enabled AND pending = 0").fetchone()[0] < RULES:
            raise Failed("not all trace points are on")
        db.close()
    b.results.add(f"{RULES} rules in one transaction", "pythia", "exact names", min(times), "ms", at_most=50)


def run(b):
    engines()
    page = Page()
    try:
        span, point = costs(b, page)
        otel(b, span)
        lttng(b, point)
        effect(b, page, "in memory", ":memory:")
        effect(b, page, "a file, WAL", fresh("control.db"))
        page.remove()
        many_rules(b, page)
    finally:
        page.remove()
