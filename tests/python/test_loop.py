"""The loop on a simulated system: requests to the shop of fixtures/otel-shop are replayed, with the spans that are
switched on. What makes them vary is known: they wait for a slot of a pool."""

import http.client
import json
import mmap
import os
import sqlite3
import struct
import subprocess
import tempfile
import unittest

from loop_system import Request, System, requests_of

CHECKOUT = "frontend/POST /checkout"
CULPRIT = "checkout/pool.acquire"
NAMES = os.path.join(os.path.abspath(os.environ.get("BUILD", "build")), "pythia-names")
requests = []


class Page:
    """A control page without a program, whose counters the test moves."""

    COUNTERS = {"hits": 0, "dropped": 16, "bytes": 24, "cost_ns": 32}

    def __init__(self, folder, tracepoint):
        self.path = os.path.join(folder, "page")
        service, name = tracepoint.split("/", 1)
        output = subprocess.run([NAMES, service, self.path], input="point 0 %s\n" % name, stdout=subprocess.PIPE, check=True,
                                text=True).stdout
        self.slot = int(output.split("point ")[1].split()[0])
        with open(self.path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 0)

    def count(self, **counters):
        at, = struct.unpack_from("=I", self.bytes, 32)
        for name, more in counters.items():
            where = at + 64 * self.slot + self.COUNTERS[name]
            struct.pack_into("=Q", self.bytes, where, struct.unpack_from("=Q", self.bytes, where)[0] + more)


class LoopTest(unittest.TestCase):
    def setUp(self):
        if not requests:
            requests.extend(r for r in requests_of("fixtures/otel-shop/pool.otlp.jsonl.gz") if r.request_type == CHECKOUT)
        self.system = self.learned()

    def learned(self):
        """A system whose search space is known, everything still on."""
        system = System()
        self.addCleanup(system.close)
        system.db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('shop', 'sql', 'program')")
        system.serve(requests)
        self.assertEqual(system.db.execute("SELECT pythia_learn()").fetchone(), (len(requests),))
        return system

    def rows(self, sql, *parameters):
        return self.system.db.execute(sql, parameters).fetchall()

    def run_until_localized(self, system, most=20):
        """Steps and serves; the number of the cycle that found the culprit."""
        for cycle in range(1, most + 1):
            for action, tracepoint, _ in system.step():
                if action == "localized":
                    self.assertEqual(tracepoint, CULPRIT)
                    return cycle
            system.serve(requests)
        return self.fail("not found: %s" % system.db.execute("SELECT * FROM pythia_decisions").fetchall())


class Finding(LoopTest):
    def test_binary(self):
        points = self.rows("SELECT count(DISTINCT tracepoint) FROM pythia_search_space")[0][0]
        cycles = self.run_until_localized(self.system)
        self.assertLessEqual(cycles, points.bit_length() + 3)
        self.assertLessEqual(self.system.most_on, 5)
        self.assertIn(CULPRIT, self.system.on())
        (reason,), = self.rows("SELECT reason FROM pythia_decisions WHERE action = 'localized'")
        self.assertRegex(reason, "of the variance of frontend/POST /checkout is inside checkout/pool.acquire .*"
                                 "it goes with pool.queue_length \\(r = 0.9")

    def test_every_strategy(self):
        for strategy in "flat", "hierarchical", "skip", "cross_layer", "covariance":
            with self.subTest(strategy):
                system = self.learned()
                system.db.execute("UPDATE pythia_settings SET value = ? WHERE key = 'strategy'", (strategy,))
                self.run_until_localized(system)

    def test_historic_finds_again_what_was_found(self):
        before = self.run_until_localized(self.system)
        self.rows("DELETE FROM pythia_control")
        self.rows("DELETE FROM pythia_traces")
        self.rows("UPDATE pythia_settings SET value = 'historic' WHERE key = 'strategy'")
        self.system.serve(requests)
        again = self.run_until_localized(self.system)
        self.assertLess(again, before)
        self.assertEqual(self.rows("SELECT tracepoint, reason FROM pythia_decisions WHERE strategy = 'historic'"
                                   " AND action = 'enable' LIMIT 1"), [(CULPRIT, "historic: localized a problem before")])

    def test_a_strategy_of_the_users(self):
        self.rows("INSERT INTO pythia_strategies(name, sql) VALUES('last', 'SELECT tracepoint, ''the last'' AS reason"
                  " FROM pythia_candidates ORDER BY place DESC LIMIT :budget')")
        self.rows("UPDATE pythia_settings SET value = 'last' WHERE key = 'strategy'")
        self.run_until_localized(self.system, 40)

    def test_what_did_not_help_is_retired(self):
        self.run_until_localized(self.system)
        for _ in range(6):
            self.system.serve(requests)
            self.system.step()
        self.assertEqual(self.system.on(), [CULPRIT])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_decisions WHERE action = 'localized'"), [(1,)])

    def test_decisions_can_be_replayed(self):
        other = self.learned()
        for system in self.system, other:
            self.run_until_localized(system)
        self.assertEqual(*(system.db.execute("SELECT * FROM pythia_decisions").fetchall() for system in (self.system, other)))

    def test_forest(self):
        self.run_until_localized(self.system)
        self.system.serve(requests)
        tree = self.rows("SELECT tracepoint, present, traces, eta_before, eta_after FROM pythia_forest")
        self.assertEqual(tree[0][:3], (None, None, 2 * len(requests)))
        self.assertIn(CULPRIT, [row[0] for row in tree])
        for _, _, _, before, after in tree:
            self.assertTrue(before is None or -1e-9 <= before <= after + 1e-9 <= 1 + 2e-9)
        leaves = self.rows("SELECT sum(traces) FROM pythia_forest WHERE node_id NOT IN"
                           " (SELECT parent_id FROM pythia_forest WHERE parent_id IS NOT NULL)")
        self.assertEqual(leaves, [(2 * len(requests),)])


class Care(LoopTest):
    def test_the_skeleton_stays(self):
        actions = self.system.step()
        self.assertEqual({action for action, _, _ in actions}, {"disable"})
        off = {tracepoint for _, tracepoint, _ in actions}
        kept = {row[0] for row in self.rows("SELECT tracepoint FROM pythia_search_space WHERE skeleton")}
        self.assertEqual(off & kept, set())
        self.assertEqual({row[0] for row in self.rows("SELECT tracepoint FROM pythia_tracepoints WHERE enabled")}, kept)

    def test_what_the_user_switched_is_not_touched(self):
        self.rows("INSERT INTO pythia_control(tracepoint, enabled) VALUES('checkout/pool*', 0), ('cart/get', 1)")
        for _ in range(12):
            self.system.step()
            self.system.serve(requests)
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_decisions WHERE tracepoint GLOB 'checkout/pool*'"
                                   " AND action <> 'localized' OR tracepoint = 'cart/get'"), [(0,)])
        self.assertEqual(self.rows("SELECT tracepoint, enabled FROM pythia_control WHERE reason IS NULL"),
                         [("checkout/pool*", 0), ("cart/get", 1)])
        # The culprit cannot be switched on: the stretch that it lies in is what can be said.
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_decisions WHERE action = 'localized'"), [(1,)])

    def test_a_rule_that_was_changed_is_the_users(self):
        self.run_until_localized(self.system)
        self.rows("UPDATE pythia_control SET enabled = 0 WHERE tracepoint = ? AND request_type = ?", CULPRIT, CHECKOUT)
        self.assertEqual(self.rows("SELECT pythia_shutdown()")[0][0] + 1,
                         self.rows("SELECT count(*) FROM pythia_decisions WHERE action = 'enable'")[0][0]
                         - self.rows("SELECT count(*) FROM pythia_decisions WHERE action = 'retire'")[0][0])
        self.assertEqual(self.rows("SELECT enabled FROM pythia_control WHERE request_type = ?", CHECKOUT), [(0,)])

    def test_too_few_requests(self):
        self.system.step()
        self.system.serve(requests[:20])
        (action, _, reason), = self.system.step()
        self.assertEqual((action, reason), ("wait", CHECKOUT + ": 20 of 30 requests that are needed"))

    def test_an_expectation_takes_the_place_of_the_settings(self):
        self.system.step()
        self.system.serve(requests)
        self.rows("INSERT INTO pythia_expectations(request_type, metric, threshold) VALUES(?, 'cov', 50), (?, 'p95_ns', 1e15)",
                  CHECKOUT, CHECKOUT)
        (action, _, reason), = self.system.step()
        self.assertEqual((action, reason), ("wait", "nothing is a problem"))
        self.rows("DELETE FROM pythia_expectations")
        self.assertEqual({action for action, _, _ in self.system.step()}, {"enable"})

    def test_an_outlier_is_no_problem(self):
        root, = (span for span in requests[0].spans if span["parent"] is None)
        alike = Request(CHECKOUT, [root])
        outlier = Request(CHECKOUT, [{**root, "end": root["end"] * 2}])
        for confidence, expected in ((0.95, {"wait"}), (0.5, {"enable"})):
            with self.subTest(confidence):
                self.system = self.learned()
                self.rows("UPDATE pythia_settings SET value = ? WHERE key = 'confidence'", confidence)
                self.system.step()
                self.system.serve(59 * [alike] + [outlier])
                self.assertEqual({action for action, _, _ in self.system.step()}, expected)

    def test_requests_that_do_not_agree(self):
        def request(first, second):
            """A request that takes so long, in ms, in the first and in the second of its parts; each has a part of its own."""
            ms = 1000000
            bounds = [(None, "root", 0, first + second + 4), ("root", "a", 1, first + 1), ("a", "a1", 1, first + 1),
                      ("root", "b", first + 2, first + second + 2), ("b", "b1", first + 2, first + second + 2)]
            return Request("svc/root", [{"id": name, "parent": parent, "service": "svc", "name": name, "tracepoint": "svc/" + name,
                                         "start": start * ms, "end": end * ms, "attributes": {}} for parent, name, start, end in bounds])

        early = [request(20 + i * 37 % 100, 20) for i in range(20)]
        late = [request(20, 20 + i * 37 % 100) for i in range(20)]
        system = System(always_on=("svc/a", "svc/b"))
        self.addCleanup(system.close)
        system.db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('svc', 'sql', 'program')")
        system.serve(early + late)
        system.db.execute("SELECT pythia_learn()").fetchall()
        system.step()
        system.serve(early + late)
        self.assertEqual(system.step(), [("wait", None, "svc/root: 40 requests do not agree yet on where their variance lies")])
        system.serve(early[:15] + late[:15] + early[15:] + late[15:])  # either cause is in both halves now
        system.serve(late + early)
        self.assertEqual({action for action, _, _ in system.step()}, {"enable"})

    def test_nothing_learned(self):
        system = System()
        self.addCleanup(system.close)
        self.assertEqual(system.db.execute("SELECT pythia_step()").fetchone(), (0,))
        (reason,), = system.db.execute("SELECT reason FROM pythia_decisions WHERE action = 'wait'").fetchall()
        self.assertIn("SELECT pythia_learn()", reason)

    def test_paused(self):
        self.rows("UPDATE pythia_settings SET value = 1 WHERE key = 'paused'")
        self.assertEqual(self.system.step(), [("wait", None, "the loop is paused")])
        self.assertEqual(self.system.switches, {})

    def test_budget(self):
        self.rows("UPDATE pythia_settings SET value = 2 WHERE key = 'budget_points'")
        self.rows("UPDATE pythia_settings SET value = 'hierarchical' WHERE key = 'strategy'")
        self.run_until_localized(self.system)
        self.assertEqual(self.rows("SELECT max(n) FROM (SELECT count(*) AS n FROM pythia_decisions WHERE action = 'enable'"
                                   " GROUP BY cycle)"), [(2,)])

    def test_no_budget_for_anything(self):
        self.rows("UPDATE pythia_settings SET value = 1e-6 WHERE key = 'budget_bytes_per_s'")
        for _ in range(3):
            self.system.step()
            self.system.serve(requests)
        self.assertEqual(self.system.on(), [])
        self.assertRegex(self.rows("SELECT reason FROM pythia_decisions ORDER BY rowid DESC LIMIT 1")[0][0],
                         "would exceed the budget")

    def test_over_the_budget(self):
        self.run_until_localized(self.system)
        self.assertGreater(len(self.system.on()), 1)
        self.rows("UPDATE pythia_settings SET value = 1e-6 WHERE key = 'budget_bytes_per_s'")
        self.system.serve(requests)
        self.system.step()
        self.assertEqual(self.system.on(), [])

    def page(self, tracepoint):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        page = Page(folder.name, tracepoint)
        self.addCleanup(page.bytes.close)
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('page', 'page', ?)", page.path)
        return page

    def test_lost_records(self):
        page = self.page("elsewhere/work")
        page.count(dropped=5)  # before anybody looked
        self.system.step()
        self.system.serve(requests)
        page.count(dropped=12)
        self.assertEqual(self.system.step(), [("wait", None, "12 records were lost since the last cycle: programs make more"
                                               " than is collected")])
        # What came in until then is not judged.
        self.system.serve(requests[:20])
        self.assertEqual(self.system.step(), [("wait", None, CHECKOUT + ": 20 of 30 requests that are needed")])
        self.system.serve(requests)
        self.assertEqual({action for action, _, _ in self.system.step()}, {"enable"})

    def test_a_full_receiver(self):
        address, = self.rows("SELECT pythia_listen('127.0.0.1:0', '{\"queue_mb\":1}')")[0]
        self.system.step()
        self.system.serve(requests)
        padding = {"key": "padding", "value": {"stringValue": 600000 * "x"}}
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "%032x" % 1, "spanId": "%016x" % 1, "name": "x", "startTimeUnixNano": "1", "endTimeUnixNano": "2",
            "attributes": [padding]}]}]}]})
        answers = []
        while 503 not in answers and len(answers) < 10:
            connection = http.client.HTTPConnection(address, timeout=20)
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
            answers.append(connection.getresponse().status)
            connection.close()
        self.assertEqual(answers[-1], 503)
        self.assertEqual(self.system.step(), [("wait", None, "1 requests of exporters were turned away since the last cycle:"
                                               " the receiver was full")])
        self.system.serve(requests)
        self.assertEqual({action for action, _, _ in self.system.step()}, {"enable"})

    def over_budget(self, setting, per_second, **counters):
        """Lets the culprit cost more than the budget, as counted by the program."""
        self.run_until_localized(self.system)
        page = self.page(CULPRIT)
        self.rows("UPDATE pythia_settings SET value = ? WHERE key = ?", per_second, setting)
        before = self.system.clock
        self.system.serve(requests)
        self.system.step()
        self.assertIn(CULPRIT, self.system.on())
        self.system.serve(requests)
        seconds = (self.system.clock - before) / 1e9
        page.count(**{name: int(value * seconds) for name, value in counters.items()})
        self.system.step()
        self.assertNotIn(CULPRIT, self.system.on())
        self.assertEqual(self.rows("SELECT reason FROM pythia_decisions WHERE tracepoint = ? AND action = 'retire'", CULPRIT),
                         [("over the budget, and of least use",)])

    def test_over_the_budget_of_bytes_as_counted(self):
        self.over_budget("budget_bytes_per_s", 1e6, hits=1e5, bytes=1e7)

    def test_over_the_budget_of_time_as_counted(self):
        self.over_budget("budget_cpu_share", 0.05, hits=1e6, cost_ns=1e9)

    def test_time_in_which_the_thread_did_not_run(self):
        self.run_until_localized(self.system)
        page = self.page(CULPRIT)
        self.rows("UPDATE pythia_settings SET value = 0.05 WHERE key = 'budget_cpu_share'")
        for _ in range(3):
            self.system.serve(requests)
            page.count(hits=256, cost_ns=10**15)
            self.system.step()
        self.assertIn(CULPRIT, self.system.on())

    def test_counted_below_the_budget(self):
        self.run_until_localized(self.system)
        page = self.page(CULPRIT)
        self.rows("UPDATE pythia_settings SET value = 1e6 WHERE key = 'budget_bytes_per_s'")
        for _ in range(3):
            self.system.serve(requests)
            page.count(hits=1000, bytes=100000)
            self.system.step()
        self.assertIn(CULPRIT, self.system.on())

    def test_what_did_not_help_makes_room(self):
        self.rows("UPDATE pythia_settings SET value = 100 WHERE key = 'keep_cycles'")
        self.rows("UPDATE pythia_settings SET value = 'flat' WHERE key = 'strategy'")
        self.run_until_localized(self.system)
        for _ in range(3):
            self.system.serve(requests)
            self.system.step()
        idle = self.rows("SELECT count(*) FROM pythia_xloop WHERE enabled AND idle")[0][0]
        self.assertGreater(idle, 0)
        # A trace point that a request passes once makes 1 byte a second here: a request each 100 s, 100 bytes a record.
        self.rows("UPDATE pythia_settings SET value = ? WHERE key = 'budget_bytes_per_s'", idle + 0.5)
        self.rows("DELETE FROM pythia_control WHERE tracepoint = ?", CULPRIT)
        for _ in range(3):
            self.system.serve(requests)
            self.system.step()
        self.assertIn(CULPRIT, self.system.on())
        self.assertNotEqual(self.rows("SELECT tracepoint FROM pythia_decisions WHERE action = 'retire'"
                                      " AND reason = 'makes room in the budget, and has not helped'"), [])

    def test_shutdown(self):
        self.run_until_localized(self.system)
        on = self.system.on()
        self.assertEqual(self.rows("SELECT pythia_shutdown()"), [(len(on),)])
        self.assertEqual(self.system.on(), [])
        self.assertEqual(self.rows("SELECT pythia_shutdown()"), [(0,)])

    def test_a_back_end_that_refuses(self):
        def refuse(phase, *_):
            if phase == "prepare":
                raise RuntimeError("not now")

        self.system.db.create_function("program", 5, refuse)
        with self.assertRaisesRegex(sqlite3.Error, "refuses"):
            self.system.step()
        self.assertEqual(self.rows("SELECT (SELECT count(*) FROM pythia_decisions), (SELECT count(*) FROM pythia_control)"),
                         [(0, 0)])

    def test_rollback(self):
        self.rows("BEGIN")
        self.system.step()
        self.rows("ROLLBACK")
        self.assertEqual(self.system.switches, {})
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_decisions"), [(0,)])

    def test_bad_arguments(self):
        for argument in "soon", -1, 1.5:
            with self.assertRaisesRegex(sqlite3.Error, "now_ns must be a time"):
                self.rows("SELECT pythia_step(?)", argument)
        self.rows("UPDATE pythia_settings SET value = 'nothing' WHERE key = 'strategy'")
        self.system.step()
        self.system.serve(requests)
        with self.assertRaisesRegex(sqlite3.Error, "there is no strategy 'nothing'"):
            self.system.step()


if __name__ == "__main__":
    unittest.main()
