"""Pivot Tracing's language: its answers against known ones, the rewritten form against the plain one on random
traces and queries, and texts that are mistakes."""

import json
import os
import random
import sqlite3
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
SHARED = os.environ.get("PYTHIA_SHARED") or os.path.join(ROOT, "..", "shared")
GOLDEN = os.path.join(SHARED, "golden", "pivot", "pt_fixture.xtrace.json")
MS = 1_000_000


def connect(path=None):
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(SO)
    if path:
        db.execute("SELECT pythia_import(?)", (path,))
    return db


def answer(db, text):
    """The rows, columns by name, as tuples in order."""
    rows = db.execute('SELECT "row" FROM pythia_pivot_query(?)', (text,)).fetchall()
    return sorted((tuple(json.loads(row[0]).values()) for row in rows), key=repr)


def compiled(db, text):
    """The same by running what pythia_pivot() says."""
    return sorted(db.execute(db.execute("SELECT pythia_pivot(?)", (text,)).fetchone()[0]).fetchall(), key=repr)


def steps(db, text):
    return db.execute("SELECT operation, tracepoint, detail, tuples, most FROM pythia_pivot_explain(?)",
                      (text,)).fetchall()


def rewritten(db, text):
    return sorted(db.execute(steps(db, text)[-1][2]).fetchall(), key=repr)


INCR = "From incr In DataNodeMetrics.incrBytesRead\n"
GETLOC = "From getloc In NN.GetBlockLocations\n"
DNOP = "From dnop In DN.DataTransferProtocol\n"
Q8 = ("From response In SendResponse\nJoin request In MostRecent(ReceiveRequest) On request -> response\n"
      "Select response.time - request.time As latency, response.procName As process")

# The answers of Mace et al.'s queries over the fixture of the same shape, computed by plain transitive closure.
ANSWERS = {
    "Q1": (INCR + "GroupBy incr.host Select incr.host, SUM(incr.delta)",
           [("A", 41037), ("B", 28576), ("C", 22384), ("D", 20896)]),
    "Q2": (INCR + "Join cl In First(ClientProtocols) On cl -> incr\nGroupBy cl.procName\n"
           "Select cl.procName, SUM(incr.delta)", [("HGet", 4000), ("MRsort", 10000), ("StressTest", 98304)]),
    "Q2 without First": (INCR + "Join cl In ClientProtocols On cl -> incr\nGroupBy cl.procName\n"
                         "Select cl.procName, SUM(incr.delta)",
                         [("HGet", 4000), ("MRsort", 10000), ("MapTask", 10000), ("RegionServer", 4000),
                          ("StressTest", 98304)]),
    "Q3": (DNOP + "GroupBy dnop.host Select dnop.host, COUNT", [("A", 5), ("B", 5), ("C", 3), ("D", 4)]),
    "Q4": (GETLOC + "Join st In StressTest.DoNextOp On st -> getloc\nGroupBy st.host, getloc.src\n"
           "Select st.host, getloc.src, COUNT",
           [(x[0], "/" + x[1:], 1)
            for x in "Af1 Af2 Af3 Bf1 Bf3 Bf4 Cf1 Cf2 Cf4 Df1 Df2 Df3".split()]),
    "Q5": (GETLOC + "Join st In StressTest.DoNextOp On st -> getloc\nGroupBy st.host, getloc.replicas\n"
           "Select st.host, getloc.replicas, COUNT",
           [(h, r, n) for h, counts in (("A", (2, 2, 3, 2)), ("B", (3, 2, 2, 2)), ("C", (2, 3, 2, 2)), ("D", (2, 2, 3, 2)))
            for r, n in zip("ABCD", counts)]),
    "Q6": (DNOP + "Join st In StressTest.DoNextOp On st -> dnop\nGroupBy st.host, dnop.host\n"
           "Select st.host, dnop.host, COUNT",
           [("A", "A", 2), ("A", "B", 1), ("B", "A", 1), ("B", "B", 2), ("C", "A", 1), ("C", "C", 2), ("D", "A", 1),
            ("D", "D", 2)]),
    "Q7a": (DNOP + "Join getloc In NN.GetBlockLocations On getloc -> dnop\nGroupBy dnop.host, getloc.replicas\n"
            "Select dnop.host, getloc.replicas, COUNT",
            [(h, r, n) for h, counts in (("A", (5, 3, 4, 3)), ("B", (3, 5, 3, 4)), ("C", (2, 3, 3, 1)), ("D", (2, 1, 3, 3)))
             for r, n in zip("ABCD", counts)]),
    "Q7": (DNOP + "Join getloc In NN.GetBlockLocations On getloc -> dnop\n"
           "Join st In StressTest.DoNextOp On st -> getloc\nWhere st.host != dnop.host\n"
           "GroupBy dnop.host, getloc.replicas\nSelect dnop.host, getloc.replicas, COUNT",
           [("A", "A", 3), ("A", "B", 2), ("A", "C", 2), ("A", "D", 2), ("B", "B", 1), ("B", "C", 1), ("B", "D", 1)]),
    "Q8": ("q8: " + Q8 + ";\nFrom r In q8 GroupBy r.process Select r.process, COUNT, MIN(r.latency), MAX(r.latency)",
           [("DataNode", 16, 37 * MS, 37 * MS), ("NameNode", 16, 15 * MS, 15 * MS),
            ("RegionServer", 2, 47 * MS, 47 * MS)]),
    "Q9": ("q8: From response In SendResponse Join request In MostRecent(ReceiveRequest) On request -> response "
           "Select response.time - request.time;\nFrom job In JobComplete\nJoin latency In q8 On latency -> job\n"
           "GroupBy job.id Select job.id, COUNT, AVERAGE(latency)", [("job_1", 4, 26.0 * MS)]),
    "Q8 of the repository": (INCR + "Join getloc In MostRecent(NN.GetBlockLocations) On getloc -> incr\n"
                             "GroupBy incr.host, getloc.src\nSelect incr.host, getloc.src, SUM(incr.delta)",
                             [("A", "/f1", 16384), ("A", "/f3", 16384), ("A", "/f4", 8192), ("B", "/f1", 8192),
                              ("B", "/f2", 9192), ("B", "/f4", 11192), ("C", "/f1", 14192), ("C", "/f2", 8192),
                              ("D", "/f2", 8192), ("D", "/f3", 12192)]),
}
ANSWERS["T1"] = (ANSWERS["Q8 of the repository"][0].replace("MostRecent(NN.GetBlockLocations)", "NN.GetBlockLocations"),
                 ANSWERS["Q8 of the repository"][1])
DIAMONDS = {
    "X.P": "q1{p0,p1} q2{p0} q3{p0,p1} q4{pa,pb,pc}",
    "First(X.P)": "q1{p0} q2{p0} q3{p0} q4{pa,pb}",
    "MostRecent(X.P)": "q1{p1} q2{p0} q3{p1} q4{pc}",
    "FirstN(2, X.P)": "q1{p0,p1} q2{p0} q3{p0,p1} q4{pa,pb}",
    "MostRecentN(2, X.P)": "q1{p0,p1} q2{p0} q3{p0,p1} q4{pb,pc}",
}


def sets(rows):
    found = {}
    for q, p in rows:
        found.setdefault(q, []).append(p)
    return " ".join(f"{q}{{{','.join(sorted(ps))}}}" for q, ps in sorted(found.items()))


@unittest.skipUnless(os.path.exists(GOLDEN), "the shared folder is not there")
class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.db = connect(GOLDEN)

    def test_answers(self):
        for name, (text, expected) in ANSWERS.items():
            with self.subTest(name):
                self.assertEqual(answer(self.db, text), sorted(expected, key=repr))
                self.assertEqual(compiled(self.db, text), sorted(expected, key=repr))
                self.assertEqual(rewritten(self.db, text), sorted(expected, key=repr))

    def test_diamonds(self):
        for source, expected in DIAMONDS.items():
            with self.subTest(source):
                text = f"From q In X.Q Join p In {source} On p -> q Select q.v, p.v"
                self.assertEqual(sets(answer(self.db, text)), expected)
                # A query of the same events instead of the trace point.
                if "N(" not in source:
                    through = "ps: From e In X.P Select e.v;\n" + text.replace("X.P", "ps").replace("p.v", "p")
                    self.assertEqual(sets(answer(self.db, through)), expected)

    def test_wrong_joins_are_other_joins(self):
        """Joining by trace, or by trace and time, attributes bytes to programs that did not cause them."""
        rows = dict(self.db.execute(
            "SELECT cl.attributes ->> '$.ProcessName', sum(i.attributes ->> '$.delta') FROM pythia_events i"
            " JOIN pythia_events cl USING (trace_id) WHERE i.tracepoint = 'DataNodeMetrics.incrBytesRead'"
            " AND cl.tracepoint = 'ClientProtocols' GROUP BY 1").fetchall())
        self.assertEqual((rows["Late"], rows["MapTask"]), (77, 20000))

    def test_what_it_would_carry(self):
        found = {(operation, tracepoint): (tuples, most)
                 for operation, tracepoint, _, tuples, most in steps(self.db, ANSWERS["Q2"][0])}
        self.assertEqual(found["JOIN", "DataNodeMetrics.incrBytesRead"][0], 32)
        self.assertEqual(found["EMIT", "DataNodeMetrics.incrBytesRead"][0], 7)
        self.assertEqual(found["PACK-FIRST", "ClientProtocols"][1], 1)
        self.assertEqual(found["OBSERVE", "DataNodeMetrics.incrBytesRead"][0], 34)
        self.assertEqual(found["RESULT", ""][0], 3)


# ---- random traces and queries ----------------------------------------------------------------------


def random_traces(rng, path):
    """X-Trace graphs of up to 14 events at trace points A to D, with numbers, texts and lists."""
    traces = []
    for t in range(1, rng.randint(4, 9)):
        reports = []
        for e in range(1, rng.randint(2, 15)):
            before = rng.sample(range(1, e), min(e - 1, rng.randint(0 if e > 1 and rng.random() < 0.1 else 1, 2)))
            report = {"X-Trace": [f"19{t:016x}{e:016x}"], "Label": [rng.choice("ABCD")], "Host": [rng.choice("uvw")],
                      "ProcessID": [rng.choice("12")], "Timestamp": [str(1_600_000_000_000 + 100 * t + e)],
                      "Edge": [f"{b:016x}" for b in before]}
            if rng.random() < 0.8:
                report["x"] = [str(rng.randint(-5, 20))]
            if rng.random() < 0.5:
                report["k"] = rng.sample(["one", "two", "three"], rng.randint(1, 3))
            reports.append(report)
        traces.append({"id": f"{t:016x}", "reports": reports})
    with open(path, "w", encoding="utf-8") as file:
        json.dump(traces, file)


def random_query(rng):
    names = "efgh"[: rng.randint(2, 4)]
    lines = [f"From {names[0]} In {rng.choice(['A', 'B', 'C', 'D', 'A, B'])}"]
    for i, name in enumerate(names[1:], 1):
        source = rng.choice("ABCD")
        source = rng.choice([source] * 5 + [f"First({source})", f"MostRecent({source})", "C, D", "First(A, B)"])
        lines.append(f"Join {name} In {source} On {name} -> {rng.choice(names[:i])}")
    for name in names:
        if rng.random() < 0.3:
            lines.append(f"Where {name}.x {rng.choice(['>', '<', '!='])} {rng.randint(0, 9)}")
    if rng.random() < 0.15:
        lines.append(f"Where {names[0]}.host == {names[1]}.host")
    keys = [f"{rng.choice(names)}.{rng.choice(['host', 'k', 'tracepoint'])}" for _ in range(rng.randint(0, 2))]
    keys = list(dict.fromkeys(keys))
    items = []
    for _ in range(rng.randint(1, 3)):
        what = rng.choice(["COUNT", "COUNT({}.x)", "SUM({}.x)", "MIN({}.x)", "MAX({}.x)", "AVERAGE({}.x)", "SUM({}.x * 2)"])
        items.append(what.format(rng.choice(names)))
    items = list(dict.fromkeys(items))
    if keys:
        lines.append("GroupBy " + ", ".join(keys))
    lines.append("Select " + ", ".join(keys + items))
    return "\n".join(lines)


def rounded(rows):
    return sorted((tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in rows), key=repr)


class Rewriting(unittest.TestCase):
    def test_results_stay(self):
        rng = random.Random(20151004)
        packed = 0
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(12):
                path = os.path.join(folder, "random.json")
                random_traces(rng, path)
                db = connect(path)
                points = {row[0] for row in db.execute("SELECT DISTINCT tracepoint FROM pythia_events")}
                if not points >= set("ABCD"):
                    continue
                for _ in range(40):
                    text = random_query(rng)
                    sql = steps(db, text)[-1][2]
                    packed += '"n"' in sql
                    plain, other = compiled(db, text), db.execute(sql).fetchall()
                    self.assertEqual(rounded(plain), rounded(other), text + "\n\n" + sql)
                db.close()
        self.assertGreater(packed, 100)


# ---- mistakes -----------------------------------------------------------------------------------------


MISTAKES = [
    ("Form e In A", 1, 1, "From"),
    ("", 1, 1, "From"),
    ("From e In A From f In B", 1, 13, "one From"),
    ("From e In A\nJoin f In B On f -> g", 2, 21, "unknown variable 'g'"),
    ("From e In A\nJoin f In B On e -> f", 2, 16, "wrong direction"),
    ("From e In A Join e In B On e -> e", 1, 18, "there already"),
    ("From e In A Select f.x", 1, 20, "unknown variable 'f'"),
    ("From e In First(A) Select e.x", 1, 11, "belongs to a Join"),
    ("From e In A Join f In FirstN(0, B) On f -> e", 1, 30, "number of tuples"),
    ("From e In A Where SUM(e.x) > 1", 1, 19, "Select only"),
    ("From e In A Where e.x >", 1, 24, "ends"),
    ("From e In A Where (e.x > 1", 1, 19, "not closed"),
    ("From e In A Where e.x = 'abc", 1, 25, "closing quote"),
    ("From e In A GroupBy e.host Select SUM(e.x)", 1, 35, "key"),
    ("From e In A GroupBy e.host Select e.host", 1, 35, "aggregate"),
    ("From e In A GroupBy e.host", 1, 21, "not in Select"),
    ("From e In A Select e.host, COUNT", 1, 20, "neither aggregated nor"),
    ("From e In A Select SUM(MAX(e.x))", 1, 24, "inside an aggregate"),
    ("From e In A Select load_extension(e.x)", 1, 20, "no function"),
    ("From e In A Select e.x, e.x", 1, 25, "two columns"),
    ("From e In A@middle", 1, 13, "phase"),
    ("a: From e In A; a: From e In A; From x In a", 1, 17, "already"),
    ("a: From e In A Select COUNT; From x In a", 1, 40, "aggregates"),
    ("a: From e In A Select COUNT; From x In B Join y In First(a) On y -> x", 1, 58, "first or most recent"),
    ("a: From e In A Select e.x; From x In B, a", 1, 41, "not both"),
    ("a: From e In A Select e.x, e.y; From x In a Select x", 1, 52, "several columns"),
    ("a: From e In A Select e.x; From x In a Select x.z", 1, 49, "no column 'z'"),
    ("From e In A Let x = e.x Let x = e.y", 1, 29, "there already"),
    ("From e In A Let a = b Let b = e.x", 1, 21, "unknown variable 'b'"),
    ("From e In A; From f In B", 1, 14, "no name"),
    ("From e In A Where e.x ? 3", 1, 23, "operator"),
]


class Mistakes(unittest.TestCase):
    def test_line_and_column(self):
        db = connect()
        for text, line, column, words in MISTAKES:
            with self.subTest(text), self.assertRaises(sqlite3.OperationalError) as caught:
                db.execute("SELECT pythia_pivot(?)", (text,)).fetchall()
            self.assertIn(f"line {line}, column {column}: ", str(caught.exception))
            self.assertIn(words, str(caught.exception))

    def test_unknown_names(self):
        db = connect(os.path.join(ROOT, "fixtures", "otel-shop", "pool.otlp.jsonl.gz"))
        with self.assertRaisesRegex(sqlite3.OperationalError, "column 11: no trace point .* there is 'checkout/pool.acquire'"):
            answer(db, "From e In pool.acquire Select COUNT")
        self.assertEqual(answer(db, "From e In checkout/pool.acquire Select COUNT"),
                         answer(db, "From e In '*/pool.acquire' Select COUNT"))
        # Nothing is stored yet: then nothing is known of names either, and the answer is empty.
        self.assertEqual(answer(connect(), "From e In nowhere Select e.time"), [])

    def test_nothing_to_join(self):
        self.assertIsNone(connect().execute("SELECT pythia_pivot(NULL)").fetchone()[0])

    def test_growth_is_bounded(self):
        """Lets that double and queries that double end in an error, not in memory."""
        lets = "".join(f"Let v{i + 1} = v{i} + v{i} " for i in range(40))
        with self.assertRaisesRegex(sqlite3.OperationalError, "too long"):
            connect().execute("SELECT pythia_pivot(?)", ("From e In A Let v0 = e.x " + lets + "Select v40",)).fetchall()
        queries = "q0: From e In A Select COUNT As n; " + "".join(
            f"q{i + 1}: From e In A Join f In q{i} On f -> e Join g In q{i} On g -> e Select COUNT As n; " for i in range(25))
        with self.assertRaisesRegex(sqlite3.OperationalError, "too long"):
            connect().execute("SELECT pythia_pivot(?)",
                              (queries + "From e In A Join f In q25 On f -> e Select COUNT",)).fetchall()


class Spans(unittest.TestCase):
    """Over spans: a trace point is its start unless a phase says otherwise."""

    def setUp(self):
        self.db = connect(os.path.join(ROOT, "fixtures", "otel-shop", "pool.otlp.jsonl.gz"))

    def test_phases(self):
        n = self.db.execute("SELECT count(*) FROM pythia_spans WHERE tracepoint = 'checkout/pool.acquire'").fetchone()[0]
        counts = [answer(self.db, f"From e In checkout/pool.acquire{p} Select COUNT")[0][0]
                  for p in ("", "@start", "@end", "@any", "@point")]
        self.assertEqual(counts, [n, n, n, 2 * n, 0])

    def test_attributes_by_their_names(self):
        rows = answer(self.db, "From e In checkout/pool.acquire Where e.pool.queue_length >= 5 Select COUNT")
        expected = self.db.execute("SELECT count(*) FROM pythia_attributes WHERE key = 'pool.queue_length' AND value >= 5"
                                   ).fetchone()[0]
        self.assertEqual(rows, [(expected,)])

    def test_two_schemas(self):
        self.db.execute("ATTACH ':memory:' AS other")
        self.db.execute("SELECT pythia_import(?, '{\"schema\":\"other\"}')",
                        (os.path.join(ROOT, "fixtures", "otel-shop", "none.otlp.jsonl.gz"),))
        text = ("From p In payment/gateway.authorize Join c In First('checkout/checkout.process') On c -> p "
                "Select COUNT")
        there = self.db.execute("SELECT c1 FROM pythia_pivot_query(?, 'other')", (text,)).fetchone()[0]
        here = self.db.execute("SELECT c1 FROM pythia_pivot_query(?)", (text,)).fetchone()[0]
        other = self.db.execute("SELECT count(*) FROM pythia_spans('other') WHERE tracepoint = 'payment/gateway.authorize'"
                                ).fetchone()[0]
        self.assertEqual(there, other)
        self.assertNotEqual(there, here)
