"""The loop on a simulated system: requests to the shop of fixtures/otel-shop are replayed, with the spans that are
switched on. What makes them vary is known: they wait for a slot of a pool."""

import sqlite3
import unittest

from loop_system import Request, System, requests_of

CHECKOUT = "frontend/POST /checkout"
CULPRIT = "checkout/pool.acquire"
requests = []


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
