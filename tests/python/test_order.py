"""Happened-before joins over the fixture of ../shared/golden/pivot: the queries of Pivot Tracing (Mace et al., SOSP 2015)
with the answers that were computed for it elsewhere, and the whole relation against a closure of the recorded
edges. tests/sql/order_joins.sql asks the same of a fixture of our own. And random traces, many in a segment, where
joins and pythia_pairs answer without reading traces: against pythia_happened_before(), which reads them."""

import json
import os
import random
import sqlite3
import tempfile
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


class Random(unittest.TestCase):
    """Small traces of five operations: overlap, equal stamps, children that outlive their parents or begin after them,
    points, several roots."""

    TRACES = 200

    def make(self, links=0.0, coarse=(), points=0.3):
        """A database with such traces: `coarse` services have stamps of whole milliseconds."""
        rnd = random.Random(f"{links}{coarse}{points}")
        unit = 1_000_000 if coarse else rnd.choice((1, 7))
        lines = []
        for t in range(self.TRACES):
            spans, trace = [], f"{t + 1:032x}"
            for i in range(rnd.randint(1, 9)):
                parent = rnd.choice(spans) if spans and rnd.random() < 0.92 else None
                low = parent["start"] if parent else 1_700_000_000_000_000_000
                start = low + unit * rnd.randint(-1 if parent else 0, 12)
                span = {"id": f"{i + 1:016x}", "parent": parent and parent["id"], "start": start,
                        "end": start + unit * rnd.choice((0, 0, 1, 3, 6, 12)), "service": f"s{rnd.randint(0, 2)}"}
                if span["service"] not in coarse and coarse:
                    span["start"] += rnd.randint(0, 999)
                    span["end"] = max(span["end"], span["start"])
                spans.append(span)
            for span in spans:
                record = {"traceId": trace, "spanId": span["id"], "name": f"op{rnd.randint(0, 4)}",
                          "startTimeUnixNano": str(span["start"]), "endTimeUnixNano": str(span["end"])}
                if span["parent"]:
                    record["parentSpanId"] = span["parent"]
                if rnd.random() < points:
                    record["events"] = [{"name": f"p{rnd.randint(0, 1)}", "timeUnixNano":
                                         str(span["start"] + unit * rnd.randint(0, 13))} for _ in range(rnd.randint(1, 3))]
                if rnd.random() < links:
                    record["links"] = [{"traceId": trace, "spanId": rnd.choice(spans)["id"]}]
                lines.append(json.dumps({"resourceSpans": [{
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": span["service"]}}]},
                    "scopeSpans": [{"spans": [record]}]}]}))
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as file:
            file.write("\n".join(lines) + "\n")
        self.addCleanup(os.remove, file.name)
        db = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(db.close)
        db.enable_load_extension(True)
        db.load_extension(SO)
        db.execute("SELECT pythia_import(?)", (file.name,))
        return db

    def check(self, db):
        db.execute("DROP TABLE IF EXISTS temp.e")
        db.execute("DROP TABLE IF EXISTS temp.closure")
        db.execute("CREATE TEMP TABLE e AS SELECT event_id AS id, trace_id, tracepoint AS p, operation AS op, phase, time_ns"
                   " FROM pythia_events")
        db.execute("CREATE INDEX temp.et ON e(trace_id)")
        db.execute("""CREATE TEMP TABLE closure AS SELECT a.id AS x, b.id AS y, a.p AS px, b.p AS py, a.phase AS fx, b.phase AS fy,
            b.time_ns - a.time_ns AS ns FROM e a JOIN e b USING (trace_id) WHERE pythia_happened_before(a.id, b.id)""")
        db.execute("CREATE INDEX temp.cx ON closure(x)")
        db.execute("CREATE INDEX temp.cy ON closure(y)")
        def rows(sql, **values):
            return sorted(db.execute(sql, values).fetchall())
        everything = rows("SELECT x, y FROM closure")
        self.assertGreater(len(everything), 2000)
        self.assertEqual(rows("SELECT event_id, other_event_id FROM pythia_pairs"), everything)
        self.assertEqual(rows("""SELECT a.event_id, b.event_id FROM pythia_events a CROSS JOIN pythia_events b
            ON b.happens_after = a.event_id"""), everything)
        self.assertEqual(rows("""SELECT b.event_id, a.event_id FROM pythia_events a CROSS JOIN pythia_events b
            ON b.happens_before = a.event_id"""), everything)
        # the columns that are read without the trace
        self.assertEqual(rows("""SELECT event_id, trace_id, tracepoint, phase, time_ns, span_id, instance, service FROM pythia_events"""),
                         rows("""SELECT o.event_id, o.trace_id, o.tracepoint, o.phase, o.time_ns, o.span_id, o.instance, o.service
                                 FROM e JOIN pythia_events o ON o.event_id = e.id"""))
        for x, y in (("s0/op1", "s1/op2"), ("s0/*", "s0/op1"), ("*/p0", "*"), ("*", "s2/op3/p1"), ("s1/op0", "s1/op0")):
            want = rows("SELECT x, y, ns FROM closure WHERE px GLOB :x AND py GLOB :y", x=x, y=y)
            self.assertEqual(rows("""SELECT event_id, other_event_id, duration_ns FROM pythia_pairs
                WHERE tracepoint GLOB :x AND other_tracepoint GLOB :y""", x=x, y=y), want)
            self.assertEqual(rows("""SELECT event_id, other_event_id, duration_ns FROM pythia_pairs
                WHERE tracepoint GLOB :x AND other_tracepoint GLOB :y AND phase = 'end'""", x=x, y=y),
                rows("SELECT x, y, ns FROM closure WHERE px GLOB :x AND py GLOB :y AND fx = 'end'", x=x, y=y))
            self.assertEqual(rows("""SELECT a.event_id, b.event_id, b.time_ns - a.time_ns FROM pythia_events a CROSS JOIN
                pythia_events b ON b.happens_after = a.event_id WHERE a.tracepoint GLOB :x AND b.tracepoint GLOB :y""", x=x, y=y), want)
            self.assertEqual(rows("""SELECT a.event_id, b.event_id, b.time_ns - a.time_ns FROM pythia_events b CROSS JOIN
                pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = :x WHERE b.tracepoint GLOB :y""",
                x=x, y=y), want)
            self.assertEqual(rows("""SELECT a.event_id, b.event_id, b.time_ns - a.time_ns FROM pythia_events b CROSS JOIN
                pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = :x AND a.hb_phase = 'start,point'
                WHERE b.tracepoint GLOB :y AND b.phase = 'end'""", x=x, y=y),
                rows("SELECT x, y, ns FROM closure WHERE px GLOB :x AND py GLOB :y AND fx <> 'end' AND fy = 'end'", x=x, y=y))
            for how, between in (("first", "c.x = d.x AND c.y = o.x"), ("recent", "c.x = o.x AND c.y = d.x")):
                kept = rows(f"""SELECT o.x, o.y FROM closure o WHERE o.px GLOB :x AND o.py GLOB :y AND NOT EXISTS (SELECT 1 FROM
                    closure d JOIN closure c ON {between} WHERE d.y = o.y AND d.px GLOB :x)""", x=x, y=y)
                self.assertEqual(rows("""SELECT a.event_id, b.event_id FROM pythia_events b CROSS JOIN pythia_events a
                    ON a.happens_before = b.event_id AND a.hb_tracepoint = :x AND a.hb_filter = :how
                    WHERE b.tracepoint GLOB :y""", x=x, y=y, how=how), kept)
                one = rows("""SELECT count(*), count(DISTINCT b.event_id) FROM pythia_events b CROSS JOIN pythia_events a
                    ON a.happens_before = b.event_id AND a.hb_tracepoint = :x AND a.hb_filter = :how AND a.hb_ties = 'time'
                    WHERE b.tracepoint GLOB :y""", x=x, y=y, how=how)
                self.assertEqual(one, [(len({b for _, b in kept}),) * 2])

    def test_plain(self):
        self.check(self.make())

    def test_spans_alone(self):
        self.check(self.make(points=0))

    def test_links(self):
        self.check(self.make(links=0.15))

    def test_coarse(self):
        self.check(self.make(coarse=("s0", "s1", "s2")))
        self.check(self.make(coarse=("s0",)))

    def test_settings(self):
        """What a view was made from changes under an open connection."""
        db = self.make()
        for key, value in (("order_tolerance_ns", "2"), ("causality", "nesting"), ("causality", "siblings"),
                           ("order_tolerance_ns", "auto")):
            db.execute("UPDATE pythia_settings SET value = ? WHERE key = ?", (value, key))
            self.check(db)
        db.execute("DELETE FROM pythia_traces WHERE trace_id GLOB '*[37]'")
        self.check(db)


if __name__ == "__main__":
    unittest.main()
