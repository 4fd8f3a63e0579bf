"""common.py - what every part of the benchmark uses: running processes, generated inputs, the table of results.

A part is a module bench_<name>.py beside this file with a docstring of one line and a function run(b). It
adds its figures by b.results.add() and raises Failed when it cannot go on. b carries the options of
scripts/bench (traces, rounds, seed, quick, long) and what earlier parts left: import_seconds, by variant, and
stored, the database of stored(b).

Measuring programs in C lie here too; tool() builds one when it is asked for."""
import datetime
import hashlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

HERE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BENCH = os.path.join(HERE, os.environ.get("BUILD", "build"), "bench")
SO = os.path.abspath(os.environ.get("SO", "pythia.so"))
SQLITE3 = os.environ.get("SQLITE3", "sqlite3")
SOURCES = os.path.join(HERE, "tests", "bench")
MODULES = os.path.join(BENCH, "npm", "node_modules")
SPANS = 20  # of a trace


class Failed(Exception):
    """A command ended with an error; the message is its first line."""


# ---- running things ------------------------------------------------------------------------------


class Run:
    """One finished process: what it printed, how long it took, how much it used."""

    def __init__(self, command, text=""):
        start = time.monotonic()
        files = [os.path.join(BENCH, "run." + s) for s in ("in", "out", "err")]
        with open(files[0], "w") as f:
            f.write(text)
        with open(files[0]) as i, open(files[1], "w") as o, open(files[2], "w") as e:
            environment = dict(os.environ, NODE_PATH=MODULES)
            child = subprocess.Popen(command, stdin=i, stdout=o, stderr=e, env=environment)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024
        with open(files[1]) as o, open(files[2]) as e:
            self.out, self.err = o.read(), e.read()
        if child.returncode:
            lines = (self.err or self.out).strip().splitlines()
            text = lines[0] if lines else f"exit status {child.returncode}"
            raise Failed(text.replace(BENCH + "/", "")[:160])


def sql_file(name, **values):
    with open(os.path.join(SOURCES, name)) as f:
        text = f.read()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text


def fresh(name):
    """The path of a database that does not exist."""
    path = os.path.join(BENCH, name)
    for suffix in ("", "-journal", "-wal", "-shm", ".wal"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    return path


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def pythia_import(database, path, options=None):
    extra = f", {quoted(json.dumps(options))}" if options else ""
    script = f".load {SO}\nSELECT pythia_import({quoted(path)}{extra});\n"
    return Run([SQLITE3, "-batch", "-bail", database], script)


def duckdb_load(database, path, threads):
    script = sql_file("duckdb_load.sql", input=path)
    return Run(["node", os.path.join(SOURCES, "duckdb.js"), database, str(threads)], script)


def duckdb_walk(csv, walk):
    """A walk over the spans of a CSV file, on one thread: its processor time alone in ms, and what was printed."""
    database, node = fresh("walk-duck.db"), ["node", os.path.join(SOURCES, "duckdb.js")]
    Run(node + [database, "1"], f"CREATE TABLE spans AS SELECT * FROM read_csv({quoted(csv)});\n")
    nothing = Run(node + [database, "1"], "SELECT 1;\n").cpu
    run = Run(node + [database, "1"], walk)
    os.remove(database)
    return (run.cpu - nothing) * 1000, run.out


def clickhouse(script, path, threads):
    text = sql_file(script, input=path, threads=threads)
    return Run(["node", os.path.join(SOURCES, "chdb.js")], text)


def measure(so, database, *arguments):
    """Numbers that tests/bench/measure.c prints, a list for each line."""
    run = Run([tool("measure", "-lsqlite3", "-lpthread"), so, database, *map(str, arguments)])
    return [[float(x) for x in line.split()] for line in run.out.splitlines()]


def rounds(n, contestants):
    """Runs all contestants in turn, n times; name -> list of runs, or the text of the failure."""
    runs = {}
    for _ in range(n):
        for name, start in contestants.items():
            if isinstance(runs.get(name), str):
                continue
            try:
                runs.setdefault(name, []).append(start())
            except Failed as failure:
                runs[name] = str(failure)
    return runs


def median(runs, field):
    return statistics.median(getattr(r, field) for r in runs)


# ---- results -------------------------------------------------------------------------------------


class Results:
    """Rows of results.db, and the same for the table at the end."""

    def __init__(self):
        self.rows = []
        self.db = sqlite3.connect(os.path.join(BENCH, "results.db"))
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS result('commit' TEXT, at TEXT, machine TEXT, what TEXT, engine TEXT,"
            " variant TEXT, value REAL, unit TEXT, ratio REAL, goal TEXT, met INTEGER, note TEXT)")
        self.commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                                     text=True).stdout.strip()
        self.at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.machine = machine()

    def add(self, what, engine, variant, value, unit, ratio=None, at_least=None, at_most=None, of="value",
            note=""):
        """at_least or at_most: the goal for the value, or for the ratio with of="ratio"."""
        goal, met = None, None
        judged = ratio if of == "ratio" else value
        sign, bound = (">=", at_least) if at_most is None else ("<=", at_most)
        if bound is not None:
            goal = f"{of} {sign} {bound:g}" if of == "ratio" else f"{sign} {bound:g} {unit}"
            if judged is not None:
                met = judged >= bound if at_most is None else judged <= bound
        row = (self.commit, self.at, self.machine, what, engine, variant, value, unit, ratio, goal, met, note)
        self.rows.append(row[3:])
        with self.db:
            self.db.execute("INSERT INTO result VALUES(" + ",".join("?" * len(row)) + ")", row)
        print(f"  {what}, {engine}, {variant}: {shown(value)} {unit}", note, file=sys.stderr)

    def absent(self, what, engine, variant, note):
        self.add(what, engine, variant, None, "", note=note)

    def print(self):
        head = ("what", "engine", "variant", "value", "", "ratio", "goal", "met", "")
        met = {None: "", True: "yes", False: "NO"}
        lines = [head] + [(w, e, v, shown(x), u, shown(r), g or "", met[m], n)
                          for w, e, v, x, u, r, g, m, n in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        print(f"\n{self.commit}  {self.at}  {self.machine}\n")
        for line in lines:
            print("  ".join(c.rjust(w) if i in (3, 5) else c.ljust(w)
                            for i, (c, w) in enumerate(zip(line, widths))).rstrip())
        judged = [r[7] for r in self.rows if r[7] is not None]
        print(f"\n{sum(judged)} of {len(judged)} goals met")


def shown(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    return f"{model}, {os.cpu_count()} cores"


# ---- inputs and tools ----------------------------------------------------------------------------


def tool(name, *libraries, language="c"):
    """The path of a program made from tests/bench/<name>.c (or .cpp), built unless it is newer than its source."""
    source, program = os.path.join(SOURCES, f"{name}.{language}"), os.path.join(BENCH, name)
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        compiler = os.environ.get("CC", "cc") if language == "c" else os.environ.get("CXX", "c++")
        standard = "-std=gnu11" if language == "c" else "-std=gnu++17"
        subprocess.run([*compiler.split(), standard, "-O2", "-o", program, source, *libraries], check=True)
    return program


def generated(traces, seed, form="otlp", variant="plain"):
    """The path of that input, made unless it is there from the same generator."""
    suffix = {"otlp": "jsonl", "otlp-pb": "pb", "jaeger": "jsonl"}[form]
    path = os.path.join(BENCH, f"{form}-{variant}-{traces}-{seed}.{suffix}")
    with open(os.path.join(SOURCES, "generate.c"), "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()
    stamp = path + ".made-by"
    if os.path.exists(stamp) and open(stamp).read() == key and os.path.exists(path):
        return path
    print(f"  making {os.path.relpath(path, HERE)}", file=sys.stderr)
    command = [tool("generate", "-lm"), "--traces", str(traces), "--seed", str(seed),
               "--format", form, "--variant", variant]
    with open(path, "wb") as f:
        subprocess.run(command, stdout=f, check=True)
    with open(stamp, "w") as f:
        f.write(key)
    return path


def read_ahead(path):
    """Brings a file into the page cache, so that the first engine pays no more than the others."""
    with open(path, "rb") as f:
        while f.read(1 << 24):
            pass


def installed(name):
    return shutil.which("node") is not None and os.path.isdir(os.path.join(MODULES, name))


def engines():
    """What is there to compare with: the names of the packages found."""
    subprocess.run([os.path.join("scripts", "bench_setup")], check=False)
    return {name for name in ("@duckdb/node-api", "chdb") if installed(name)}


def stored(b):
    """A database with the plain input in it."""
    path = os.path.join(BENCH, "pythia-plain.db")
    if b.stored != path:
        pythia_import(fresh("pythia-plain.db"), generated(b.traces, b.seed))
        b.stored = path
    return path
