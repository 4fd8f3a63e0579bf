"""The loop on the running service of tests/probe/service.c: some of its faults. `make bench` has all of them."""

import math
import os
import sqlite3
import unittest

from live_service import SERVICE, Hunt, faults


@unittest.skipUnless(os.path.exists(SERVICE), "the service is not built")
class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        db = sqlite3.connect(":memory:")
        db.enable_load_extension(True)
        db.load_extension(os.environ["SO"])
        collects, = db.execute("SELECT count(*) FROM pragma_function_list WHERE name = 'pythia_collect'").fetchone()
        db.close()
        if not collects:
            raise unittest.SkipTest("this build cannot collect from programs")
        cls.hunt = Hunt()
        cls.addClassCleanup(cls.hunt.close)

    def test_the_service(self):
        self.assertGreaterEqual(len(faults()), 20)
        self.assertGreaterEqual(self.hunt.points, 120)
        db = self.hunt.connect(self.hunt.learned)
        self.addCleanup(db.close)
        depth, skeleton = db.execute("SELECT max(depth), sum(skeleton) FROM pythia_search_space").fetchone()
        self.assertGreaterEqual(depth, 5)
        self.assertGreaterEqual(skeleton, 1)

    def check(self, fault):
        found = self.hunt.find(fault)
        self.assertTrue(found.culprit and found.variable, found)
        self.assertLessEqual(found.cycles, math.ceil(math.log2(self.hunt.points)) + 3, found)
        self.assertLessEqual(found.most, 0.15 * self.hunt.points, found)

    def test_a_slow_semaphore(self):
        self.check("semaphore:api/policy")

    def test_a_slow_cache(self):
        self.check("cache:scheduler/list_hosts")

    def test_a_slow_host(self):
        self.check("host:worker/start_vm")


if __name__ == "__main__":
    unittest.main()
