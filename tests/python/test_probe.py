"""Programs with trace points, switched by rules through their control page.

The programs are those of tests/probe; what they wrote is read by scripts/read_page.py, which knows the page by
its documented layout alone."""

import json
import mmap
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", os.environ.get("BUILD", "build"))
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class ProbeTest(unittest.TestCase):
    """A place for pages, and a database."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.addCleanup(self.folder.cleanup)
        self.page = os.path.join(self.folder.name, "page")
        self.programs = []
        self.db = self.connect(os.path.join(self.folder.name, "rules.db"))

    def connect(self, name):
        db = sqlite3.connect(name, isolation_level=None, timeout=0)
        self.addCleanup(db.close)
        db.enable_load_extension(True)
        db.load_extension(os.environ["SO"])
        db.enable_load_extension(False)
        return db

    def start(self, name, *arguments, **environment):
        """Starts a program; returns when it has its page."""
        program = subprocess.Popen([os.path.join(BUILD, "probe", name), *arguments], stdout=subprocess.PIPE,
                                   env={**os.environ, "PYTHIA_PAGE": self.page, **environment})
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        program.stdout.readline()
        return program

    def run_program(self, name, *arguments, **environment):
        program = self.start(name, *arguments, **environment)
        self.assertEqual(program.wait(), 0)

    def add_page(self, db=None):
        (db or self.db).execute("INSERT INTO pythia_backends(name, kind, target) VALUES ('page', 'page', ?)",
                                (self.page,))

    def read(self, page=None):
        output = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "read_page.py"), page or self.page],
                                stdout=subprocess.PIPE, check=True).stdout
        rows = [json.loads(line) for line in output.splitlines()]
        return ({row["tracepoint"]: row for row in rows if "record" not in row},
                [row for row in rows if row.get("record") not in (None, "cell")])

    def on(self):
        """The trace points that are on for all request types."""
        points, _ = self.read()
        return sorted(name for name, point in points.items() if point["mask"] == "f" * 16)

    def rows(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    def until(self, condition):
        """Waits until the condition holds, five seconds at most."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.005)
        self.fail("it did not happen in time")


class Programs(ProbeTest):
    def test_only_the_skeleton_is_on_at_first(self):
        self.run_program("example", "5")
        self.assertEqual(self.on(), ["example/request"])
        points, records = self.read()
        self.assertEqual(sorted(points), ["example/build", "example/build/queue", "example/check", "example/request"])
        self.assertEqual([r["tracepoint"] for r in records], ["example/request"] * 5)
        self.assertEqual(points["example/request"]["hits"], 5)

    def test_default_on(self):
        self.run_program("example", "2", PYTHIA_DEFAULT="on")
        _, records = self.read()
        self.assertEqual([r["tracepoint"] for r in records],
                         ["example/check", "example/build/queue", "example/build", "example/request"] * 2)
        check, queue, build, request = records[:4]
        self.assertEqual(request["parent"], "0" * 16)
        self.assertEqual(build["parent"], request["span"])
        self.assertEqual(queue["span"], build["span"])
        self.assertEqual(queue["values"], {"queue_length": 0, "host": "two"})
        self.assertEqual(build["values"], {"number": 0})
        self.assertEqual({r["trace"] for r in records[:4]}, {request["trace"]})
        self.assertNotEqual(records[4]["trace"], request["trace"])
        self.assertEqual({r["request_type"] for r in records}, {"example/request"})
        self.assertLessEqual(request["time_ns"], check["time_ns"])
        self.assertLessEqual(build["time_ns"] + build["duration_ns"], request["time_ns"] + request["duration_ns"])

    def test_every_type_of_value(self):
        self.run_program("values_cpp")
        _, records = self.read()
        self.assertEqual(records[0]["values"],
                         {"int": -1, "long": 2, "unsigned": 3, "huge": -1, "real": 0.5, "float": 0.25, "bool": 1,
                          "text": "a text of more than eight bytes, \u00e9"})
        self.assertEqual(records[1]["values"], {})
        self.assertEqual(records[2]["values"]["text"], "")
        self.assertEqual(records[4]["values"], {"done": 1, "eight888": "12345678"})

    def test_a_hundred_threads_forks_and_signals(self):
        program = subprocess.run([os.path.join(BUILD, "probe", "stress"), "100", "200"], stdout=subprocess.PIPE,
                                 env={**os.environ, "PYTHIA_PAGE": self.page}, check=True)
        passed = int(program.stdout)
        self.assertEqual(passed, 103 * 200)
        points, records = self.read()
        for name, point in points.items():
            written = [r for r in records if r["tracepoint"] == name]
            self.assertEqual(point["hits"], len(written) + point["dropped"], name)
        self.assertEqual([points["stress/" + name]["hits"] for name in ("step", "inner", "request")], [passed] * 3)
        self.assertEqual(len({r["span"] for r in records if r["record"] == "span"}),
                         sum(r["record"] == "span" for r in records))
        for r in records:
            if r["tracepoint"] == "stress/step":
                self.assertEqual(r["values"]["text"], "some text")
            elif r["tracepoint"] == "stress/signal":
                self.assertEqual(r["values"], {"from": "handler"})
        children = [r for r in records if r["tracepoint"] == "stress/child"]
        root, = [r for r in records if r["tracepoint"] == "stress/root"]
        self.assertEqual({r["trace"] for r in children} | {root["trace"]}, {root["trace"]})
        self.assertEqual({r["parent"] for r in children} | {root["span"]}, {root["span"]})
        self.assertNotIn(root["pid"], {r["pid"] for r in children})

    def test_no_page_wanted(self):
        program = subprocess.run([os.path.join(BUILD, "probe", "example")], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env={**os.environ, "PYTHIA_PAGE": "off"}, check=False)
        self.assertEqual(program.returncode, 1)  # the example insists on its page
        self.assertEqual(os.listdir(self.folder.name), ["rules.db"])

    def test_a_killed_program_leaves_readable_rings(self):
        program = self.start("example", "100000", "1000")
        self.until(lambda: len(self.read()[1]) > 20)
        program.send_signal(signal.SIGKILL)
        program.wait()
        _, records = self.read()
        self.assertGreater(len(records), 20)
        self.assertEqual({r["pid"] for r in records}, {program.pid})
        self.add_page()
        self.assertEqual(self.rows("SELECT available, tracepoints FROM pythia_backends WHERE name IS NOT NULL"), [(1, 4)])


class Switching(ProbeTest):
    def setUp(self):
        super().setUp()
        self.run_program("example", "1")
        self.add_page()

    def test_a_rule_reaches_a_running_program(self):
        self.start("example", "100000", "500")
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/build*')")
        self.assertEqual(self.on(), ["example/build", "example/build/queue", "example/request"])
        self.until(lambda: any(r["tracepoint"] == "example/build/queue" for r in self.read()[1]))
        self.db.execute("DELETE FROM pythia_control")
        self.assertEqual(self.on(), ["example/request"])
        hits = self.read()[0]["example/build"]["hits"]
        time.sleep(0.05)
        self.assertLessEqual(self.read()[0]["example/build"]["hits"], hits + 1)  # one may have been open

    def test_rollback_and_savepoints(self):
        self.db.execute("BEGIN")
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('*')")
        self.assertEqual(self.on(), ["example/request"])
        self.db.execute("ROLLBACK")
        self.assertEqual(self.on(), ["example/request"])
        self.db.execute("BEGIN")
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/check')")
        self.db.execute("SAVEPOINT s")
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/build')")
        self.db.execute("ROLLBACK TO s")
        self.assertEqual(self.on(), ["example/request"])
        self.db.execute("COMMIT")
        self.assertEqual(self.on(), ["example/check", "example/request"])

    def test_one_back_end_that_refuses_stops_all(self):
        def refuse(phase, *_):
            if phase == "prepare":
                raise ValueError("no")
        self.db.create_function("refuse", 5, refuse)
        self.db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES ('other', 'sql', 'refuse')")
        with self.assertRaisesRegex(sqlite3.IntegrityError, 'back end "other" refuses'):
            self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/check')")
        self.assertEqual(self.on(), ["example/request"])
        self.db.execute("DELETE FROM pythia_backends WHERE name = 'other'")  # the page's lock was given back
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/check')")
        self.assertEqual(self.on(), ["example/check", "example/request"])

    def test_the_skeleton_stays_on(self):
        self.db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES ('*', 0)")
        self.assertEqual(self.on(), ["example/request"])
        with self.assertRaises(sqlite3.IntegrityError):
            self.db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES ('example/request', 0)")

    def test_a_request_type_alone(self):
        self.db.execute("INSERT INTO pythia_control(tracepoint, request_type) VALUES ('example/check', 'other/type')")
        self.run_program("example", "3")
        points, records = self.read()
        self.assertNotIn("example/check", {r["tracepoint"] for r in records})
        self.db.execute("INSERT INTO pythia_control(tracepoint, request_type) VALUES ('example/check', 'example/request')")
        self.run_program("example", "3")
        points, records = self.read()
        self.assertEqual(sum(r["tracepoint"] == "example/check" for r in records), 3)
        self.assertEqual(bin(int(points["example/check"]["mask"], 16)).count("1"), 2)

    def test_sample(self):
        self.db.execute("INSERT INTO pythia_control(tracepoint, sample) VALUES ('example/*', 0.5)")
        self.run_program("example", "200")
        _, records = self.read()
        names = [r["tracepoint"] for r in records]
        self.assertTrue(50 < names.count("example/check") < 150, names.count("example/check"))
        self.assertEqual(names.count("example/request"), 201)  # the skeleton is recorded whatever a sample says
        by_trace = {}
        for r in records:
            by_trace.setdefault(r["trace"], set()).add(r["tracepoint"])
        self.assertEqual({len(names) for names in by_trace.values()}, {1, 4})  # a trace is whole or left out

    def test_expiry(self):
        until = time.time_ns() + 300_000_000
        self.db.execute("INSERT INTO pythia_control(tracepoint, expires_ns) VALUES ('example/check', ?)", (until,))
        self.start("example", "100000", "500")
        self.until(lambda: any(r["tracepoint"] == "example/check" for r in self.read()[1]))
        time.sleep(max(0, (until - time.time_ns()) / 1e9) + 0.05)
        hits = self.read()[0]["example/check"]["bytes"]
        time.sleep(0.05)
        points, records = self.read()
        self.assertEqual(points["example/check"]["bytes"], hits)
        last = max(r["time_ns"] for r in records if r["tracepoint"] == "example/check")
        self.assertLess(last, until)

    def test_a_page_that_is_made_anew_is_told_again(self):
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/check')")
        os.unlink(self.page)
        self.assertEqual(self.rows("SELECT available FROM pythia_backends WHERE name IS NOT NULL"), [(0,)])
        self.run_program("example", "1")
        self.assertEqual(self.on(), ["example/request"])
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("pending",)])
        self.assertEqual(self.rows("SELECT pythia_reconcile()"), [(1,)])
        self.assertEqual(self.on(), ["example/check", "example/request"])
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("active",)])

    def test_two_connections_one_page(self):
        other = self.connect(os.path.join(self.folder.name, "other.db"))
        self.add_page(other)
        other.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/check')")
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/build')")
        self.assertEqual(self.on(), ["example/build", "example/check", "example/request"])

    def test_a_session_that_is_killed_leaves_the_program_running_and_the_page_free(self):
        program = self.start("example", "100000", "500")
        session = subprocess.Popen(
            [sys.executable, "-c",
             "import sqlite3, sys, os\n"
             "db = sqlite3.connect(':memory:', isolation_level=None)\n"
             "db.enable_load_extension(True); db.load_extension(os.environ['SO'])\n"
             "db.execute(\"INSERT INTO pythia_backends(name, kind, target) VALUES ('p', 'page', ?)\", (sys.argv[1],))\n"
             "def die(phase, *_):\n"
             "    if phase == 'prepare': os.kill(os.getpid(), 9)\n"
             "db.create_function('die', 5, die)\n"
             "db.execute(\"INSERT INTO pythia_backends(name, kind, target) VALUES ('q', 'sql', 'die')\")\n"
             "db.execute(\"INSERT INTO pythia_control(tracepoint) VALUES ('*')\")\n", self.page])
        self.assertEqual(session.wait(), -signal.SIGKILL)  # between prepare and apply, the lock in its hands
        self.assertIsNone(program.poll())
        self.assertEqual(self.on(), ["example/request"])
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/check')")
        self.assertEqual(self.on(), ["example/check", "example/request"])


class Reducing(ProbeTest):
    """Predicates and aggregates that run in the program. The example's queue_length is number % 4, its host "one" for
    odd numbers, else "two"."""

    def setUp(self):
        super().setUp()
        self.run_program("example", "1")
        self.add_page()

    def rule(self, tracepoint, **columns):
        columns["tracepoint"] = tracepoint
        self.db.execute(f"INSERT INTO pythia_control({', '.join(columns)}) VALUES({', '.join('?' * len(columns))})",
                        tuple(columns.values()))

    def collect(self):
        return self.rows("SELECT pythia_collect()")[0][0]

    def counts(self, tracepoint):
        return self.rows("SELECT hits, filtered, dropped FROM pythia_tracepoints WHERE tracepoint = ?", tracepoint)[0]

    def test_predicate_of_a_point(self):
        self.rule("example/build")
        self.rule("example/build/queue", predicate="queue_length >= 2 AND host = 'one' OR nothing")
        self.run_program("example", "20")
        self.collect()
        self.assertEqual(self.rows("SELECT DISTINCT attributes->>'queue_length', attributes->>'host', count(*) "
                                   "FROM pythia_events WHERE phase = 'point' GROUP BY 1, 2"), [(3, "one", 5)])
        self.assertEqual(self.counts("example/build/queue"), (20, 15, 0))
        self.assertEqual(self.counts("example/build"), (20, 0, 0))

    def test_predicate_of_a_span(self):
        """Where number % 4 is 2 or 3 a build sleeps for 200 us or more."""
        self.rule("example/build", predicate="duration_ns >= 200000 AND number < 10 AND number % 4 > 1")
        self.run_program("example", "20")
        self.collect()
        self.assertEqual(self.rows("SELECT attributes->>'number' FROM pythia_spans WHERE operation = 'build' ORDER BY 1"),
                         [(2,), (3,), (6,), (7,)])
        self.db.execute("UPDATE pythia_control SET predicate = 'duration_ns < 200000 AND number % 4 > 1'")
        self.run_program("example", "20")
        self.collect()
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_spans WHERE operation = 'build'"), [(4,)])
        self.assertEqual(self.rows("SELECT DISTINCT status FROM pythia_traces"), [("complete",)])

    def test_aggregate_is_that_of_the_records(self):
        """The same requests, recorded and added up: SQL over the records gives what pythia_aggregates has."""
        self.rule("example/build/queue")
        self.run_program("example", "101")
        self.collect()
        self.db.execute("DELETE FROM pythia_control")
        self.rule("example/build/queue", aggregate="stddev(queue_length)", group_by="host", predicate="queue_length <> 1")
        self.run_program("example", "101")
        points = self.rows("SELECT count(*) FROM pythia_spans")
        self.collect()
        expected = self.rows(
            "SELECT attributes->>'host', count(x), sum(x), avg(x), stddev_samp(x), min(x), max(x) FROM "
            "(SELECT attributes, attributes->>'queue_length' AS x FROM pythia_spans WHERE operation = 'build/queue') "
            "WHERE x <> 1 GROUP BY 1 ORDER BY 1")
        got = self.rows("SELECT key, n, sum, mean, stddev, min, max FROM pythia_aggregates ORDER BY key")
        self.assertEqual(len(got), 2)
        for g, e in zip(got, expected):
            self.assertEqual(g[:2], e[:2])
            for a, b in zip(g[2:], e[2:]):
                self.assertAlmostEqual(a, b, 12)
        self.assertEqual(self.rows("SELECT DISTINCT tracepoint, request_type, aggregate, value = stddev, current "
                                   "FROM pythia_aggregates"),
                         [("example/build/queue", "example/request", "stddev", 1, 1)])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_spans WHERE operation = 'build/queue'"), [(101,)])
        self.assertEqual(self.counts("example/build/queue"), (202, 101, 0))
        self.assertEqual(points, [(203,)])

    def test_threads_processes_and_large_numbers(self):
        """Four threads, three processes, numbers of which only the last digits differ: as SQL says of the records."""
        self.run_program("numbers", "1", "1")
        self.rule("numbers/x")
        self.run_program("numbers", "1000", "4")
        self.collect()
        self.db.execute("DELETE FROM pythia_control")
        for rule, column, shift in ((100, "big", 10**15), (101, "small", 0)):  # SQLite's avg() loses digits of large ones
            self.rule("numbers/x", aggregate=f"avg({column})", group_by="word", rule_id=rule, predicate="big % 7 <> 2")
            for _ in range(3):
                self.run_program("numbers", "1000", "4")
            self.collect()
            expected = self.rows(
                f"SELECT attributes->>'word', 3 * count(*), 3 * count(attributes->>'{column}'), "
                f"avg(attributes->>'{column}' - {shift}), min(attributes->>'{column}'), max(attributes->>'{column}'), "
                f"var_pop(attributes->>'{column}') FROM pythia_spans WHERE attributes->>'big' % 7 <> 2 GROUP BY 1")
            got = self.rows("SELECT key, n + missing, n, mean, min, max, stddev, histogram FROM pythia_aggregates "
                            "WHERE rule_id = ? ORDER BY key", rule)
            self.assertEqual([g[:3] for g in got], [e[:3] for e in expected])
            self.assertEqual([g[0] for g in got], ["one", "three", "two"])
            for g, e in zip(got, expected):
                self.assertEqual(g[4:6], e[4:6])
                self.assertAlmostEqual(g[3] - shift, e[3], delta=0.125 if shift else 1e-9 * e[3])
                self.assertAlmostEqual(g[6] ** 2 * (g[2] - 1) / g[2], e[6], delta=1e-9 * e[6])
                self.assertEqual(sum(bucket["n"] for bucket in json.loads(g[7])), g[2])
            self.db.execute("DELETE FROM pythia_control")

    def test_every_function(self):
        for i, (function, value) in enumerate([
                ("count", 8), ("count(*)", 8), ("count(nothing)", 0), ("count(host)", 8), ("sum(queue_length)", 12.0),
                ("avg(queue_length * 2)", 3.0), ("min(queue_length)", 0.0), ("max(-queue_length)", 0.0),
                ("sum(host)", None),
                ("histogram(queue_length)", '[{"low":0.0,"high":0.0,"n":2},{"low":1.0,"high":2.0,"n":2},'
                                            '{"low":2.0,"high":4.0,"n":4}]')]):
            with self.subTest(function=function):
                self.db.execute("DELETE FROM pythia_control")
                self.rule("example/build/queue", rule_id=i + 1, aggregate=function)
                self.run_program("example", "8")
                self.collect()
                self.assertEqual(self.rows("SELECT value FROM pythia_aggregates WHERE rule_id = ?", i + 1), [(value,)])
        self.assertEqual(self.rows("SELECT n, missing FROM pythia_aggregates WHERE rule_id = 9"), [(0, 8)])

    def test_a_span_that_is_added_up_is_no_parent(self):
        self.rule("example/build", aggregate="avg(duration_ns)")
        self.rule("example/build/queue")
        self.run_program("example", "10")
        self.collect()
        self.assertEqual(self.rows("SELECT DISTINCT c.operation, p.operation FROM pythia_spans c "
                                   "JOIN pythia_spans p ON p.trace_id = c.trace_id AND p.span_id = c.parent_id"),
                         [("build/queue", "request")])
        self.assertEqual(self.rows("SELECT DISTINCT status FROM pythia_traces"), [("complete",)])
        (n, mean, low, high), = self.rows("SELECT n, mean, min, max FROM pythia_aggregates")
        self.assertEqual(n, 10)
        self.assertTrue(low <= mean <= high and high > 300_000, (low, mean, high))

    def test_windows(self):
        self.rule("example/check", aggregate="count", window_ms=20)
        program = self.start("example", "300", "500")
        while program.poll() is None:
            self.collect()
            time.sleep(0.01)
        self.collect()
        rows = self.rows("SELECT window_start_ns, window_ns, n, first_ns, last_ns FROM pythia_aggregates")
        self.assertGreater(len(rows), 5)
        for start, length, n, first, last in rows:
            self.assertEqual((start % 20_000_000, length), (0, 20_000_000))
            self.assertTrue(start <= first <= last < start + length and n > 0)
        self.assertEqual(sum(row[2] for row in rows), 300)
        self.assertEqual(self.collect(), 0)

    def test_a_rule_that_is_changed_begins_anew(self):
        self.rule("example/check", aggregate="count")
        self.run_program("example", "5")
        self.collect()
        self.db.execute("UPDATE pythia_control SET predicate = 'duration_ns > 0'")
        self.run_program("example", "7")
        self.collect()
        self.assertEqual(self.rows("SELECT n, current FROM pythia_aggregates ORDER BY first_ns"), [(5, 0), (7, 1)])
        self.db.execute("DELETE FROM pythia_control")
        self.assertEqual(self.rows("SELECT n, current FROM pythia_aggregates ORDER BY first_ns"), [(5, 0), (7, 0)])

    def test_rollback_and_collecting_again(self):
        self.rule("example/check", aggregate="count", window_ms=1)
        self.run_program("example", "50")
        self.db.execute("BEGIN")
        self.assertGreater(self.collect(), 50)
        self.db.execute("ROLLBACK")
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_aggregates"), [(0,)])
        self.db.execute("BEGIN")
        self.db.execute("SAVEPOINT s")
        self.collect()
        self.db.execute("ROLLBACK TO s")
        self.db.execute("COMMIT")
        for _ in range(2):
            self.collect()
            self.assertEqual(self.rows("SELECT sum(n) FROM pythia_aggregates"), [(50,)])

    def test_threads_processes_and_no_cells_left(self):
        """More threads than rings, children, signals; a key for every hit of a thread, more than there are cells."""
        self.run_program("stress", "1", "1")
        self.db.execute("DELETE FROM pythia_backends")
        self.page += ".stress"
        self.run_program("stress", "1", "1")
        self.add_page()
        self.rule("stress/inner", aggregate="sum(round)")
        program = subprocess.run([os.path.join(BUILD, "probe", "stress"), "100", "200"], stdout=subprocess.PIPE,
                                 env={**os.environ, "PYTHIA_PAGE": self.page}, check=True)
        passed = int(program.stdout)
        self.collect()
        (n, total), = self.rows("SELECT n, sum FROM pythia_aggregates")
        hits, filtered, dropped = self.counts("stress/inner")
        before = 4  # recorded before the rule: one thread, three children
        self.assertEqual((hits, filtered), (passed + before, n))
        self.assertEqual(n + dropped, passed)
        if not dropped:
            self.assertEqual(total, 103 * sum(range(200)))
        self.db.execute("UPDATE pythia_control SET aggregate = 'count', group_by = 'round'")
        subprocess.run([os.path.join(BUILD, "probe", "stress"), "3", "600"], stdout=subprocess.PIPE,
                       env={**os.environ, "PYTHIA_PAGE": self.page}, check=True)
        self.collect()
        (n, keys), = self.rows("SELECT sum(n), count(DISTINCT key) FROM pythia_aggregates WHERE current")
        _, filtered, lost = self.counts("stress/inner")
        self.assertEqual(filtered + lost, passed + 6 * 600)
        self.assertEqual(n, filtered - (passed - dropped))
        self.assertGreater(lost - dropped, 0)
        self.assertLess(keys, 600)

    def test_a_killed_programs_aggregates_are_collected(self):
        self.rule("example/check", aggregate="count")
        program = self.start("example", "100000", "500")
        self.until(lambda: self.counts("example/check")[0] > 50)
        program.send_signal(signal.SIGKILL)
        program.wait()
        self.collect()
        (n,), = self.rows("SELECT n FROM pythia_aggregates")
        self.assertIn(n, (self.counts("example/check")[1], self.counts("example/check")[1] + 1))

    def test_for_a_request_type_and_after_expiry(self):
        until = time.time_ns() + 200_000_000
        self.rule("example/check")
        self.rule("example/check", request_type="example/request", aggregate="count", expires_ns=until)
        program = self.start("example", "1000", "500")
        self.until(lambda: any(r["tracepoint"] == "example/check" for r in self.read()[1]))
        program.kill()
        first = min(r["time_ns"] for r in self.read()[1] if r["tracepoint"] == "example/check")
        self.assertGreaterEqual(first, until)
        self.collect()
        (n, last), = self.rows("SELECT n, last_ns FROM pythia_aggregates")
        self.assertGreater(n, 10)

    def test_a_program_that_is_torn_or_makes_no_sense_records_nothing(self):
        self.rule("example/check", aggregate="count")
        with open(self.page, "r+b") as file:
            data = mmap.mmap(file.fileno(), 0)
            slots, nslots, settings = struct.unpack_from("=II", data, 24) + struct.unpack_from("=I", data, 56)
            for i in range(nslots):
                setting, = struct.unpack_from("=I", data, slots + 64 * i + 28)
                if setting:
                    at = settings + 512 * (setting - 1)
            version, = struct.unpack_from("=Q", data, at + 8)
            struct.pack_into("=Q", data, at + 8, version + 1)
            self.run_program("example", "5")
            self.assertEqual(self.counts("example/check"), (5, 5, 0))
            struct.pack_into("=Q", data, at + 8, version)
            struct.pack_into("=I", data, at + 64, 3)  # a group's key of three steps that are none
            self.run_program("example", "5")
            self.assertEqual(self.counts("example/check"), (10, 10, 0))
            struct.pack_into("=I", data, at + 64, 0)
            self.run_program("example", "5")
        self.collect()
        self.assertEqual(self.rows("SELECT n FROM pythia_aggregates"), [(5,)])

    def test_a_cell_that_is_being_written(self):
        """What a program died in writing is taken as it is; of one that lives it is read the next time."""
        self.rule("example/check", aggregate="count")
        self.run_program("example", "5")
        with open(self.page, "r+b") as file:
            data = mmap.mmap(file.fileno(), 0)
            processes, = struct.unpack_from("=I", data, 48)
            rings, nrings, stride, _, cells, ncells = struct.unpack_from("=6I", data, 80)
            (ring, at), = [(ring, at) for ring in range(rings, rings + stride * nrings, stride) for j in range(ncells)
                           if struct.unpack_from("=Q", data, (at := ring + cells + 448 * j) + 8)[0]]
            version, = struct.unpack_from("=Q", data, at)
            struct.pack_into("=Q", data, at, version + 1)
            process = processes + 64 * (struct.unpack_from("=I", data, ring)[0] - 1)
            pid, = struct.unpack_from("=I", data, process)
            struct.pack_into("=I", data, process, os.getpid())
            self.collect()
            self.assertEqual(self.rows("SELECT count(*) FROM pythia_aggregates"), [(0,)])
            self.assertEqual(self.rows("SELECT kind FROM pythia_problems"), [("aggregate",)])
            struct.pack_into("=I", data, process, pid)
            self.collect()
            self.assertEqual(self.rows("SELECT n FROM pythia_aggregates"), [(5,)])
            self.assertEqual(self.rows("SELECT count(*) FROM pythia_problems"), [(1,)])

    def test_texts_that_do_not_fit(self):
        """A page has room for so many texts: then the COMMIT is refused, and nothing is changed."""
        with self.assertRaisesRegex(sqlite3.IntegrityError, "no room for more texts"):
            for i in range(250):
                self.db.execute("BEGIN")
                for j in range(20):
                    self.rule("example/check", request_type=f"t{j}",
                              predicate=" OR ".join(f"a = '{i:050}{j:0100}{k:0100}'" for k in range(3)))
                self.db.execute("COMMIT")
                self.db.execute("DELETE FROM pythia_control")
        self.assertEqual(self.on(), ["example/request"])


class Collecting(ProbeTest):
    def setUp(self):
        super().setUp()
        self.add_page()

    def collect(self):
        return self.rows("SELECT pythia_collect()")[0][0]

    def tail_is_head(self):
        return not self.read()[1]

    def test_records_become_traces(self):
        self.run_program("example", "4", PYTHIA_DEFAULT="on")
        self.assertEqual(self.collect(), 16)
        self.assertEqual(self.collect(), 0)
        self.assertTrue(self.tail_is_head())
        self.assertEqual(self.rows("SELECT request_type, spans, events, status FROM pythia_traces"),
                         [("example/request", 3, 7, "complete")] * 4)
        self.assertEqual(
            self.rows("SELECT tracepoint, phase, count(*) FROM pythia_events GROUP BY 1, 2 ORDER BY 1, 2"),
            [("example/build", "end", 4), ("example/build", "start", 4), ("example/build/queue", "point", 4),
             ("example/check", "end", 4), ("example/check", "start", 4), ("example/request", "end", 4),
             ("example/request", "start", 4)])
        self.assertEqual(
            self.rows("SELECT attributes->>'queue_length', attributes->>'host' FROM pythia_events "
                      "WHERE phase = 'point' ORDER BY time_ns"),
            [(0, "two"), (1, "one"), (2, "two"), (3, "one")])
        self.assertEqual(self.rows("SELECT DISTINCT attributes->>'$.\"service.name\"', instance LIKE '%/%' "
                                   "FROM pythia_spans"), [("example", 1)])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_problems"), [(0,)])

    def test_the_same_trace_points_as_in_the_rules(self):
        self.run_program("example", "1", PYTHIA_DEFAULT="on")
        listed = self.rows("SELECT tracepoint FROM pythia_tracepoints ORDER BY 1")
        self.collect()
        self.assertEqual(self.rows("SELECT tracepoint FROM pythia_tracepoints ORDER BY 1"), listed)

    def test_failed_spans_and_kinds(self):
        self.run_program("example", "10")
        self.run_program("values_cpp")
        self.collect()
        self.assertEqual(self.rows("SELECT status, count(*) FROM pythia_spans WHERE service = 'example' GROUP BY 1"),
                         [("error", 1), ("unset", 9)])
        self.assertEqual(self.rows("SELECT kind FROM pythia_spans WHERE service = 'values'"), [("server",)])

    def test_a_trace_point_that_registers_later_is_switched(self):
        self.db.execute("INSERT INTO pythia_control(tracepoint) VALUES ('example/ch*')")
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("armed",)])
        self.run_program("example", "1")
        self.collect()
        self.assertEqual(self.on(), ["example/check", "example/request"])
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("active",)])

    def test_rollback_keeps_the_records(self):
        self.run_program("example", "3")
        self.db.execute("BEGIN")
        self.assertEqual(self.collect(), 3)
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_traces"), [(3,)])
        self.db.execute("ROLLBACK")
        self.assertEqual(len(self.read()[1]), 3)
        self.assertEqual(self.collect(), 3)
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_traces"), [(3,)])

    def test_a_savepoint_that_is_rolled_back_keeps_the_records(self):
        self.run_program("example", "3")
        self.db.execute("BEGIN")
        self.db.execute("SAVEPOINT s")
        self.assertEqual(self.collect(), 3)
        self.db.execute("ROLLBACK TO s")
        self.db.execute("COMMIT")
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_traces"), [(0,)])
        self.assertEqual(self.collect(), 3)

    def test_one_session_collects_at_a_time(self):
        self.run_program("example", "3")
        other = self.connect(os.path.join(self.folder.name, "other.db"))
        self.add_page(other)
        self.db.execute("BEGIN")
        self.assertEqual(self.collect(), 3)
        self.assertEqual(other.execute("SELECT pythia_collect()").fetchall(), [(0,)])
        self.db.execute("ROLLBACK")
        self.assertEqual(other.execute("SELECT pythia_collect()").fetchall(), [(3,)])

    def test_points_wait_for_their_span(self):
        """The span "task" lasts as long as the program; its points are collected before it ends."""
        program = subprocess.Popen([os.path.join(BUILD, "probe", "long")], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env={**os.environ, "PYTHIA_PAGE": self.page})
        self.addCleanup(program.kill)
        self.addCleanup(program.stdout.close)
        program.stdout.readline()
        self.assertEqual(self.collect(), 2)
        self.assertEqual(self.rows("SELECT tracepoint, phase FROM pythia_events ORDER BY phase"),
                         [("long/elsewhere", "end"), ("long/elsewhere", "start")])
        self.db.close()
        self.db = self.connect(os.path.join(self.folder.name, "rules.db"))
        program.communicate(b"\n")
        self.assertEqual(self.collect(), 1)
        self.assertEqual(self.rows("SELECT tracepoint, phase, attributes->>'n' FROM pythia_events "
                                   "WHERE tracepoint <> 'long/elsewhere' ORDER BY time_ns"),
                         [("long/task", "start", None), ("long/task/step", "point", 7), ("long/task", "end", None)])
        self.assertEqual(self.rows("SELECT spans, status FROM pythia_traces"), [(2, "complete")])

    def test_points_outside_of_traces(self):
        self.run_program("long", "outside")
        self.assertEqual(self.collect(), 1)
        self.assertEqual(self.rows("SELECT request_type, spans, duration_ns FROM pythia_traces"),
                         [("long/outside", 1, 0)])

    def test_a_full_ring_drops_and_counts(self):
        self.run_program("flood", "20000")
        points, records = self.read()
        flood = points["flood/drop"]
        self.assertEqual(flood["hits"], 20000)
        self.assertEqual(len(records) + flood["dropped"], 20000)
        self.assertGreater(flood["dropped"], 0)
        self.assertEqual([r["values"]["i"] for r in records], list(range(len(records))))
        self.assertEqual(self.collect(), len(records))

    def test_a_page_that_overwrites_keeps_the_newest(self):
        self.run_program("flood", "20000", "overwrite")
        points, records = self.read()
        self.assertEqual(points["flood/drop"]["dropped"], 0)
        self.assertEqual([r["values"]["i"] for r in records], list(range(20000 - len(records), 20000)))
        self.assertEqual(self.collect(), len(records))

    def test_collecting_while_the_writer_overwrites(self):
        program = self.start("flood", "3000000", "overwrite")
        while program.poll() is None:
            self.collect()
        self.collect()
        rows = self.rows("SELECT attributes->>'i' FROM pythia_spans ORDER BY start_ns, 1")
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_problems"), [(0,)])
        numbers = sorted(i for i, in rows)
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertEqual(numbers[-1], 2999999)
        self.assertGreaterEqual(numbers[0], 0)
        self.assertGreater(len(numbers), 100)

    def test_a_killed_programs_records_are_collected(self):
        program = self.start("example", "100000", "1000")
        self.until(lambda: len(self.read()[1]) > 20)
        program.send_signal(signal.SIGKILL)
        program.wait()
        self.assertGreater(self.collect(), 20)
        self.assertEqual(self.rows("SELECT DISTINCT status FROM pythia_traces"), [("complete",)])

    def test_a_damaged_ring_is_a_problem_and_no_more(self):
        self.run_program("example", "5")
        with open(self.page, "r+b") as file:
            data = mmap.mmap(file.fileno(), 0)
            rings, = struct.unpack_from("=I", data, 80)
            stride, size = struct.unpack_from("=II", data, 88)
            struct.pack_into("=H", data, rings + stride - size + 64, 0xffff)  # the second record's length
        self.assertEqual(self.collect(), 1)
        self.assertEqual(self.rows("SELECT kind, file FROM pythia_problems"), [("ring", "pythia_collect")])
        self.run_program("example", "2")
        self.assertEqual(self.collect(), 2)


if __name__ == "__main__":
    unittest.main()
