"""bench_probe.py - trace points in programs: off, on, and how soon a COMMIT reaches them."""
import os
import shutil
import statistics
import subprocess
import sqlite3
import sys
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
        return subprocess.Popen([self.program, *arguments], env=self.environment, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def remove(self):
        if os.path.exists(self.path):
            os.unlink(self.path)

    def session(self, what, database):
        """Runs a session of bench_session below, in the interpreter of the system, which loads extensions."""
        command = ["/usr/bin/python3", os.path.join(SOURCES, "bench_probe.py"), what, SO, self.path, database]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def costs(b, page):
    empty, off, point, span, clock = (float(x) for x in page.run("cost").split())
    b.results.add("trace point that is off", "pythia", "over an empty loop", max(0, off - empty), "ns", at_most=1,
                  note=f"an empty round {empty:.2f} ns")
    b.results.add("record with two values", "pythia", "point", point, "ns", at_most=50,
                  note=f"clock_gettime() alone {clock:.1f} ns")
    b.results.add("record with two values", "pythia", "span, begin and end", span, "ns")
    return span, point


def reductions(b, page):
    """Points that a rule leaves out or adds up, in the program."""
    program = page.start("reduce")
    program.stdout.readline()
    session = page.session("reduce", ":memory:")
    session.stdout.readline()
    program.stdin.write("go\n")
    program.stdin.flush()
    line = program.stdout.readline().split()
    program.wait()
    counted, _ = session.communicate()
    if len(line) != 3 or not counted.strip():
        raise Failed("the program or the session ended")
    for what, ns in zip(("predicate a > 5 AND b < 1: left out", "sum(a) WHERE a >= 0", "sum(a) GROUP BY a text"), line):
        b.results.add("point with two values, reduced", "pythia", what, float(ns), "ns")


def otel(b, span):
    if not installed("@opentelemetry/sdk-trace-base"):
        b.results.absent("record with two values", "opentelemetry", "span", "not installed")
        return
    ns = float(Run(["node", os.path.join(SOURCES, "otel_span.js")]).out)
    b.results.add("record with two values", "opentelemetry", "span, SDK for Node", ns, "ns", ratio=ns / span)


def lttng(b, point):
    """An event of LTTng-UST, off and in a snapshot session, where LTTng is installed."""
    if not shutil.which("lttng") or subprocess.run(["pkg-config", "--exists", "lttng-ust"]).returncode:
        b.results.absent("record with two values", "lttng-ust", "event",
                         "lttng-tools or liblttng-ust-dev is not installed, and could not be")
        return
    program = tool("lttng_event", "-I" + HERE, "-llttng-ust", "-ldl")
    daemon = lttng_daemon()
    try:
        off = float(Run([program]).out)
        b.results.add("trace point that is off", "lttng-ust", "a round of the loop", off, "ns")
        Run(["lttng", "create", "pythia-bench", "--snapshot"])
        Run(["lttng", "enable-event", "-u", "pythia_bench:event"])
        Run(["lttng", "start"])
        on = float(Run([program]).out)
    finally:
        subprocess.run(["lttng", "--no-sessiond", "destroy", "pythia-bench"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        if daemon:
            daemon.terminate()
            daemon.wait()
    b.results.add("record with two values", "lttng-ust", "event", on, "ns", ratio=on / point)


def lttng_daemon():
    """The daemon that keeps LTTng's sessions, started where none runs; None: one did."""
    def runs():
        return subprocess.run(["lttng", "--no-sessiond", "list"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    if runs():
        return None
    daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        if runs() or daemon.poll() is not None:
            break
        time.sleep(0.1)
    return daemon


def effect(b, page, name, database):
    """From the beginning of COMMIT to the trace point's change, in a program that looks."""
    watcher = page.start("watch", str(FLIPS))
    watcher.stdout.readline()
    session, begun, took, seen = page.session("flip", database), [], [], []
    for _ in range(FLIPS):
        session.stdin.write("go\n")
        session.stdin.flush()
        line = session.stdout.readline().split()
        if len(line) != 2:
            watcher.kill()
            raise Failed("the session ended")
        begun.append(int(line[0]))
        took.append(int(line[1]))
        seen.append(int(watcher.stdout.readline()))
    watcher.wait()
    session.communicate()
    ms = statistics.median(s - t for s, t in zip(seen, begun)) / 1e6
    b.results.add("COMMIT to effect, median", "pythia", name, ms, "ms", at_most=1,
                  note=f"from the beginning of COMMIT, which takes {statistics.median(took) / 1e6:.2f} ms")


def many_rules(b, page):
    page.run("points", str(RULES))
    times = []
    for _ in range(3):
        out, _ = page.session("rules", fresh("control.db")).communicate()
        if not out:
            raise Failed("the session ended")
        times.append(float(out))
    b.results.add(f"{RULES} rules in one transaction", "pythia", "exact names", min(times), "ms", at_most=50)


def run(b):
    engines()
    page = Page()
    try:
        span, point = costs(b, page)
        reductions(b, page)
        otel(b, span)
        lttng(b, point)
        effect(b, page, "in memory", ":memory:")
        effect(b, page, "a file, WAL", fresh("control.db"))
        page.remove()
        many_rules(b, page)
    finally:
        page.remove()


def bench_session(what, so, page, database):
    """What a session does while it is measured: flips a trace point at every line that it reads, and prints when
    COMMIT began and how long it took; or writes many rules, and prints the milliseconds."""
    db = sqlite3.connect(database, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(so)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("PRAGMA synchronous = normal")
    db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('bench', 'page', ?)", (page,))
    if what == "flip":
        db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bench/other', 0)")
        for i, _ in enumerate(sys.stdin):
            db.execute("BEGIN")
            db.execute("DELETE FROM pythia_control WHERE rule_id = 77" if i % 2 else
                       "INSERT INTO pythia_control(rule_id, tracepoint) VALUES(77, 'bench/watched')")
            begun = time.monotonic_ns()
            db.execute("COMMIT")
            print(begun, time.monotonic_ns() - begun, flush=True)
    elif what == "reduce":
        db.execute("INSERT INTO pythia_control(tracepoint, predicate) VALUES('bench/filtered', 'a > 5 AND b < 1')")
        db.execute("INSERT INTO pythia_control(tracepoint, predicate, aggregate) VALUES('bench/added', 'a >= 0', 'sum(a)')")
        db.execute("INSERT INTO pythia_control(tracepoint, aggregate, group_by) VALUES('bench/grouped', 'sum(a)', 'b')")
        print("told", flush=True)
        sys.stdin.read()
        db.execute("SELECT pythia_collect()")
        if db.execute("SELECT count(*) FROM pythia_aggregates WHERE n > 1000").fetchone() == (3,):
            print("counted", flush=True)
    else:
        begun = time.monotonic_ns()
        db.execute("BEGIN")
        db.executemany("INSERT INTO pythia_control(tracepoint, enabled) VALUES(?, 1)",
                       ((f"bench/p{i}",) for i in range(RULES)))
        db.execute("COMMIT")
        took = time.monotonic_ns() - begun
        on, = db.execute("SELECT count(*) FROM pythia_tracepoints WHERE enabled AND NOT pending").fetchone()
        if on >= RULES:
            print(took / 1e6)


if __name__ == "__main__":
    bench_session(*sys.argv[1:])
