"""Happened-before joins over the fixture of ../shared/golden/pivot: the queries of Pivot Tracing (Mace et al., SOSP 2015)
with the answers that were computed for it elsewhere, and the whole relation against a closure of the recorded
edges. tests/sql/order_joins.sql asks the same of a fixture of our own."""

import os
import sqlite3
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
SHARED = os.environ.get("PYTHIA_SHARED", os.path.join(ROOT, "..", "shared"))
PIVOT = os.path.join(SHARED, "golden", "pivot")

READ, OPEN, LOCATE = "*DataNodeMetrics.incrBytesRead", "*DN.DataTransferProtocol", "*NN.GetBlockLocations"
CLIENT, STRESS, DONE = "*ClientProtocols", "*StressTest.DoNextOp", "*JobComplete"

Q2 = """SELECT a.attributes->>'ProcessName', sum(b.attributes->>'delta') FROM pythia_events b
JOIN pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = :client AND a.hb_filter = :how
WHERE b.tracepoint GLOB :read GROUP BY 1"""
LATENCY = """SELECT b.event_id, b.attributes->>'ProcessName' AS process, (b.time_ns - a.time_ns) / 1000000 AS ms
FROM pythia_events b JOIN pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = '*ReceiveRequest'
 AND a.hb_filter = 'recent' {same} WHERE b.tracepoint GLOB '*SendResponse'"""
CHAIN = """SELECT o.attributes->>'Host', r.value, count(*) FROM pythia_events l {start}
JOIN pythia_events o ON o.happens_after = l.event_id AND o.tracepoint GLOB :open, json_each(l.attributes, '$.replicas') r
WHERE l.tracepoint GLOB :locate {where} GROUP BY 1, 2"""
BYTES_OF = """SELECT b.attributes->>'Host' || (a.attributes->>'src'), sum(b.attributes->>'delta') FROM pythia_events b
JOIN pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = :locate AND a.hb_filter = :how
WHERE b.tracepoint GLOB :read GROUP BY 1"""


@unittest.skipUnless(os.path.isdir(PIVOT), "no directory golden/pivot beside the repository")
class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.db = sqlite3.connect(":memory:", isolation_level=None)
        cls.db.enable_load_extension(True)
        cls.db.load_extension(SO)
        cls.db.execute("SELECT pythia_import(?)", (os.path.join(PIVOT, "pt_fixture.xtrace.json"),))

    @classmethod
    def tearDownClass(cls):
        cls.db.close()

    def ask(self, sql, **values):
        names = {"read": READ, "open": OPEN, "locate": LOCATE, "client": CLIENT, "stress": STRESS, "done": DONE}
        return self.db.execute(sql, {**names, **values}).fetchall()

    def table(self, sql, **values):
        return dict(self.ask(sql, **values))

    def counts(self, sql, **values):
        """Rows (a, b, count) as {a: counts in order of b}."""
        rows = {}
        for a, _, n in self.ask(sql, **values):
            rows.setdefault(a, []).append(n)
        return rows

    def test_throughput(self):  # Q1, Q3
        by_host = "SELECT attributes->>'Host', {} FROM pythia_events WHERE tracepoint GLOB {} GROUP BY 1"
        self.assertEqual(self.table(by_host.format("sum(attributes->>'delta')", ":read")),
                         {"A": 41037, "B": 28576, "C": 22384, "D": 20896})
        self.assertEqual(self.table(by_host.format("count(*)", ":open")), {"A": 5, "B": 5, "C": 3, "D": 4})

    def test_bytes_by_client(self):  # Q2, Q2', Q2x
        first = {"HGet": 4000, "MRsort": 10000, "StressTest": 98304}
        self.assertEqual(self.table(Q2, how="first"), first)
        self.assertEqual(self.table(Q2, how="all"), {**first, "MapTask": 10000, "RegionServer": 4000})
        wrong = self.table("""SELECT a.attributes->>'ProcessName', sum(b.attributes->>'delta') FROM pythia_events a
            JOIN pythia_events b USING (trace_id) WHERE a.tracepoint GLOB :client AND b.tracepoint GLOB :read GROUP BY 1""")
        self.assertEqual((wrong["Late"], wrong["MapTask"]), (77, 20000))

    def test_files_and_replicas(self):  # Q4 to Q7
        files = self.ask("""SELECT a.attributes->>'Host', b.attributes->>'src', count(*) FROM pythia_events b
            JOIN pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = :stress
            WHERE b.tracepoint GLOB :locate GROUP BY 1, 2""")
        self.assertEqual([n for _, _, n in files], [1] * 12)
        offered = self.counts("""SELECT a.attributes->>'Host', r.value, count(*) FROM pythia_events a
            JOIN pythia_events b ON b.happens_after = a.event_id, json_each(b.attributes, '$.replicas') r
            WHERE a.tracepoint GLOB :stress AND b.tracepoint GLOB :locate GROUP BY 1, 2""")
        self.assertEqual(offered, {"A": [2, 2, 3, 2], "B": [3, 2, 2, 2], "C": [2, 3, 2, 2], "D": [2, 2, 3, 2]})
        used = self.ask("""SELECT a.attributes->>'Host' || (b.attributes->>'Host'), count(*) FROM pythia_events b
            JOIN pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = :stress
            WHERE b.tracepoint GLOB :open GROUP BY 1""")
        self.assertEqual(dict(used), {"AA": 2, "AB": 1, "BA": 1, "BB": 2, "CA": 1, "CC": 2, "DA": 1, "DD": 2})
        self.assertEqual(self.counts(CHAIN.format(start="", where="")),
                         {"A": [5, 3, 4, 3], "B": [3, 5, 3, 4], "C": [2, 3, 3, 1], "D": [2, 1, 3, 3]})
        start = "JOIN pythia_events s ON s.happens_before = l.event_id AND s.hb_tracepoint = :stress"
        where = "AND s.attributes->>'Host' <> o.attributes->>'Host'"
        self.assertEqual(self.ask(CHAIN.format(start=start, where=where)),
                         [("A", "A", 3), ("A", "B", 2), ("A", "C", 2), ("A", "D", 2), ("B", "B", 1), ("B", "C", 1),
                          ("B", "D", 1)])

    def test_latency(self):  # Q8, Q9
        by_process = "SELECT process, ms, count(*) FROM ({}) GROUP BY 1, 2"
        usual = [("DataNode", 37, 16), ("NameNode", 15, 16)]
        self.assertEqual(self.ask(by_process.format(LATENCY.format(same=""))), usual + [("RegionServer", 47, 2)])
        same = "AND a.hb_same = 'service,instance'"
        self.assertEqual(self.ask(by_process.format(LATENCY.format(same=same))), usual + [("RegionServer", 92, 2)])
        job = self.ask("WITH q8 AS MATERIALIZED (" + LATENCY.format(same="") + """) SELECT j.attributes->>'ProcessName', count(*), avg(ms)
            FROM pythia_events j JOIN pythia_events b ON b.happens_before = j.event_id
            JOIN q8 ON q8.event_id = b.event_id WHERE j.tracepoint GLOB :done GROUP BY 1""")
        self.assertEqual(job, [("MRsort", 4, 26.0)])

    def test_bytes_by_file(self):  # Q8r, T1
        expected = {"A/f1": 16384, "A/f3": 16384, "A/f4": 8192, "B/f1": 8192, "B/f2": 9192, "B/f4": 11192,
                    "C/f1": 14192, "C/f2": 8192, "D/f2": 8192, "D/f3": 12192}
        for how in ("recent", "all"):
            self.assertEqual(self.table(BYTES_OF, how=how), expected)

    def test_diamonds(self):
        sql = """SELECT q.attributes->>'v', (SELECT group_concat(v, ' ') FROM (SELECT p.attributes->>'v' AS v
            FROM pythia_events p WHERE p.happens_before = q.event_id AND p.hb_tracepoint = '*X.P' AND p.hb_filter = :how
            ORDER BY 1)) FROM pythia_events q WHERE q.tracepoint GLOB '*X.Q'"""
        self.assertEqual(self.table(sql, how="all"), {"q1": "p0 p1", "q2": "p0", "q3": "p0 p1", "q4": "pa pb pc"})
        self.assertEqual(self.table(sql, how="first"), {"q1": "p0", "q2": "p0", "q3": "p0", "q4": "pa pb"})
        self.assertEqual(self.table(sql, how="recent"), {"q1": "p1", "q2": "p0", "q3": "p1", "q4": "pc"})

    def test_all_pairs(self):
        """818 pairs of the closure of the fixture's own edges, by join and by function."""
        join = "SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_after = a.event_id"
        test = """SELECT sum(pythia_happened_before(a.event_id, b.event_id)) FROM pythia_events a
            JOIN pythia_events b USING (trace_id)"""
        self.assertEqual(self.ask(join)[0][0], 818)
        self.assertEqual(self.ask(test)[0][0], 818)


if __name__ == "__main__":
    unittest.main()
