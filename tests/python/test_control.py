"""Control from Python: a function made with create_function is a control plane.

Runs against the extension as it is installed, through the sqlite3 module of the standard library."""

import json
import os
import sqlite3
import tempfile
import unittest

POINTS = [("shop", "checkout"), ("shop", "cart"), ("bank", "pay"), ("bank", "audit")]


def otlp(points):
    """One trace with a span for each (service, operation), as a line of OTLP JSON."""
    resources = []
    for i, (service, operation) in enumerate(points):
        span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "%016x" % (i + 1), "name": operation,
                "parentSpanId": "%016x" % i if i else "", "kind": 2,
                "startTimeUnixNano": str(1700000000000000000 + i * 1000),
                "endTimeUnixNano": str(1700000000000900000 - i * 1000)}
        resources.append({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                          "scopeSpans": [{"spans": [span]}]})
    return json.dumps({"resourceSpans": resources}) + "\n"


class ControlTest(unittest.TestCase):
    """A database with four trace points and a program that hears what it is told."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.db = self.connect(":memory:")
        self.take_in(POINTS)

    def connect(self, name):
        db = sqlite3.connect(name, isolation_level=None)
        self.addCleanup(db.close)
        db.enable_load_extension(True)
        db.load_extension(os.environ["SO"])
        db.enable_load_extension(False)
        self.told, self.refused, self.broken = [], set(), set()
        db.create_function("program", 5, self.program)
        return db

    def take_in(self, points):
        path = os.path.join(self.folder.name, "traces%d.jsonl" % len(points))
        with open(path, "w", encoding="utf-8") as file:
            file.write(otlp(points))
        self.db.execute("SELECT pythia_import(?)", (path,)).fetchall()

    def program(self, phase, tracepoint, request_type, enabled, parameters):
        self.told.append((phase, tracepoint, request_type, enabled, json.loads(parameters)))
        if phase == "prepare" and tracepoint in self.refused:
            raise RuntimeError("not this one")
        if phase == "apply" and tracepoint in self.broken:
            raise RuntimeError("broken")

    def rows(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    def heard(self, phase=None):
        """What was told since the last call, without parameters: of one phase, or all."""
        told, self.told = self.told, []
        if phase:
            return [(t[1], t[3]) for t in told if t[0] == phase]
        return [(t[0], t[1], t[3]) for t in told]

    def attach(self):
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'program')")


class Transactions(ControlTest):
    def test_autocommit(self):
        self.attach()
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/*', 0)")
        self.assertEqual(self.heard(), [("prepare", "bank/pay", 0), ("prepare", "bank/audit", 0),
                                        ("apply", "bank/pay", 0), ("apply", "bank/audit", 0)])
        self.assertEqual(self.rows("SELECT tracepoint FROM pythia_tracepoints WHERE NOT enabled ORDER BY 1"),
                         [("bank/audit",), ("bank/pay",)])
        self.assertEqual(self.rows("SELECT matched, state, error FROM pythia_control"), [(2, "active", None)])

    def test_rollback_switches_nothing(self):
        self.attach()
        self.rows("BEGIN")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('/./', 0)")
        self.rows("ROLLBACK")
        self.assertEqual(self.heard(), [])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_control"), [(0,)])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_tracepoints WHERE enabled"), [(4,)])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_control_log"), [(0,)])

    def test_commit_tells_the_sum(self):
        self.attach()
        self.rows("BEGIN")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('*', 0)")
        self.rows("SAVEPOINT s")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/*', 1)")
        self.rows("ROLLBACK TO s")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('shop/*', 1)")
        self.assertEqual(self.heard(), [])
        self.rows("COMMIT")
        self.assertEqual(self.heard("apply"), [("bank/pay", 0), ("bank/audit", 0)])

    def test_refusal(self):
        self.attach()
        self.refused = {"bank/audit"}
        self.rows("CREATE TABLE t(x)")
        self.rows("BEGIN")
        self.rows("INSERT INTO t VALUES(1)")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/*', 0)")
        with self.assertRaisesRegex(sqlite3.Error, 'back end "py" refuses: bank/audit'):
            self.rows("COMMIT")
        self.assertFalse(self.db.in_transaction)
        self.assertEqual(self.heard(), [("prepare", "bank/pay", 0), ("prepare", "bank/audit", 0),
                                        ("abandon", "bank/pay", 0)])
        self.assertEqual(self.rows("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM pythia_control)"),
                         [(0, 0)])

    def test_python_transactions(self):
        """The module's own BEGIN, and `with connection`."""
        self.attach()
        self.db.isolation_level = "DEFERRED"
        with self.db:
            self.db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/pay', 0)")
            self.assertEqual(self.heard(), [])
        self.assertEqual(self.heard("apply"), [("bank/pay", 0)])
        with self.assertRaises(ZeroDivisionError), self.db:
            self.db.execute("DELETE FROM pythia_control")
            raise ZeroDivisionError
        self.assertEqual(self.heard(), [])

    def test_function_reads_the_database(self):
        """While it is told, a program may look at the database, but not write rules."""
        seen = []

        def nosy(phase, *_):
            seen.append((phase, self.db.execute("SELECT count(*) FROM pythia_control").fetchone()[0]))
            with self.assertRaises(sqlite3.Error):
                self.db.execute("DELETE FROM pythia_control")

        self.db.create_function("nosy", 5, nosy)
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('nosy', 'sql', 'nosy')")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/pay', 0)")
        self.assertEqual(seen, [("prepare", 1), ("apply", 1)])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_control"), [(1,)])


class Rules(ControlTest):
    def test_parameters_and_request_types(self):
        self.attach()
        self.rows("INSERT INTO pythia_control(tracepoint, request_type, enabled) VALUES('bank/pay', 'buy', 0)")
        self.assertEqual(self.told[-1], ("apply", "bank/pay", "buy", 0, {}))
        self.rows("INSERT INTO pythia_control(tracepoint, enabled, sample, expires_ns) VALUES(?, 1, ?, ?)",
                  "shop/cart", 0.25, 4 * 10**18)
        self.assertEqual(self.told[-1], ("apply", "shop/cart", None, 1, {"sample": 0.25, "expires_ns": 4 * 10**18,
                                                                          "then": 1}))
        self.rows("INSERT INTO pythia_control(tracepoint, predicate, aggregate, group_by, window_ms) "
                  "VALUES('shop/checkout', 'n > 1', 'sum(n)', 'host', 500)")
        self.assertEqual(self.told[-1], ("apply", "shop/checkout", None, 1, {
            "predicate": "n > 1", "aggregate": "sum(n)", "group_by": "host", "window_ms": 500}))
        self.assertEqual(self.rows("SELECT enabled, by_type FROM pythia_tracepoints WHERE tracepoint = 'bank/pay'"),
                         [(1, '{"buy":0}')])

    def test_armed_until_it_registers(self):
        self.attach()
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('disk/*', 0)")
        self.assertEqual(self.rows("SELECT matched, state FROM pythia_control"), [(0, "armed")])
        self.assertEqual(self.heard(), [])
        self.take_in(POINTS + [("disk", "write")])
        self.assertEqual(self.rows("SELECT matched FROM pythia_control"), [(1,)])
        self.assertEqual(self.rows("SELECT enabled, decided_by FROM pythia_tracepoints WHERE tracepoint = 'disk/write'"),
                         [(0, 1)])
        self.rows("SELECT pythia_reconcile()")
        self.assertEqual(self.heard("apply"), [("disk/write", 0)])
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("active",)])

    def test_policy_is_a_statement(self):
        """A policy reads the table that it writes, and sees it as it was."""
        self.rows("INSERT INTO pythia_control(tracepoint, enabled, reason) VALUES('shop/cart', 1, 'look'), "
                  "('shop/checkout', 1, 'look')")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled, reason) "
                  "SELECT t.tracepoint, 0, 'budget' FROM pythia_tracepoints t "
                  "WHERE t.tracepoint NOT IN (SELECT tracepoint FROM pythia_control)")
        self.assertEqual(self.rows("SELECT tracepoint, enabled FROM pythia_tracepoints ORDER BY 1"),
                         [("bank/audit", 0), ("bank/pay", 0), ("shop/cart", 1), ("shop/checkout", 1)])

    def test_malformed(self):
        for column, value, part in [("tracepoint", "/a(b/", "at byte"), ("tracepoint", "[x", "not closed"),
                                    ("sample", 2, "sample"), ("predicate", "n > 1 1", "at byte 6"),
                                    ("window_ms", 0, "window_ms"), ("state", "active", "computed")]:
            row = {"tracepoint": "a", column: value}
            sql = "INSERT INTO pythia_control(%s) VALUES(%s)" % (", ".join(row), ", ".join("?" * len(row)))
            with self.subTest(sql=sql), self.assertRaisesRegex(sqlite3.IntegrityError, part):
                self.rows(sql, *row.values())
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_control"), [(0,)])

    def test_nothing_stored_may_switch(self):
        self.rows("CREATE TABLE t(x)")
        self.rows("CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN "
                  "INSERT INTO pythia_control(tracepoint, enabled) VALUES('*', 0); END")
        with self.assertRaisesRegex(sqlite3.Error, "unsafe use"):
            self.rows("INSERT INTO t VALUES(1)")


class Failures(ControlTest):
    def test_pending_and_retry(self):
        self.attach()
        self.broken = {"bank/pay"}
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/*', 0)")
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("pending",)])
        self.assertEqual([r[0][:6] for r in self.rows("SELECT result FROM pythia_control_log")], ["failed", "applie"])
        self.assertIsNotNone(self.rows("SELECT last_error FROM pythia_backends WHERE name IS NOT NULL")[0][0])
        self.heard()
        self.broken = set()
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('nowhere/*', 0)")
        self.assertEqual(self.heard("apply"), [("bank/pay", 0)])
        self.assertEqual(self.rows("SELECT state FROM pythia_control WHERE rule_id = 1"), [("active",)])
        self.assertEqual(self.rows("SELECT last_error FROM pythia_backends WHERE name IS NOT NULL"), [(None,)])

    def test_rules_outlive_the_connection(self):
        path = os.path.join(self.folder.name, "store.db")
        self.db = self.connect(path)
        self.take_in(POINTS)
        self.attach()
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/*', 0)")
        self.db.close()
        self.db = self.connect(path)
        self.assertEqual(self.rows("SELECT tracepoint, enabled FROM pythia_control"), [("bank/*", 0)])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_tracepoints WHERE NOT enabled"), [(2,)])
        self.assertEqual(self.heard(), [])  # opening touches no program
        self.assertEqual(self.rows("SELECT pythia_reconcile()"), [(2,)])
        self.assertEqual(self.heard("apply"), [("bank/pay", 0), ("bank/audit", 0)])

    def test_unknown_function_is_not_a_refusal(self):
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('gone', 'sql', 'no_such')")
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/pay', 0)")
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("pending",)])
        self.assertEqual(self.rows("SELECT available FROM pythia_backends WHERE name IS NOT NULL"), [(0,)])

    def test_demo(self):
        """The example of the manual runs and says what it should."""
        import subprocess
        import sys
        done = subprocess.run(["/usr/bin/python3", "scripts/control_demo.py", os.environ["SO"]], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ROLLBACK: the program was told nothing", done.stdout)
        self.assertIn("spans per request: 5, then 2, then 5", done.stdout)


if __name__ == "__main__":
    unittest.main()
