"""The import option follow: files that grow between imports, cut anywhere, give the same store as one import of
the whole; and files that are replaced are read anew."""

import gzip
import json
import os
import random
import shutil
import sqlite3
import struct
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
FORMATS = os.path.join(ROOT, "fixtures", "formats")
SHOP = os.path.join(ROOT, "fixtures", "otel-shop", "pool.otlp.jsonl.gz")
OPENSTACK = os.path.join(ROOT, "fixtures", "openstack", "C2_wsgi_rpc.jsonl.gz")

SPANS = """SELECT trace_id, span_id, parent_id, service, operation, kind, instance, start_ns, duration_ns, self_ns,
 depth, children, status, on_critical_path, tracepoint FROM pythia_spans ORDER BY trace_id, span_id, start_ns, operation"""
ATTRIBUTES = """SELECT trace_id, span_id, key, type, value FROM pythia_attributes
 ORDER BY trace_id, span_id, key, value"""
EVENTS = """SELECT trace_id, span_id, tracepoint, phase, time_ns FROM pythia_events
 ORDER BY trace_id, span_id, time_ns, tracepoint, phase"""
GROUPS = """SELECT group_id, request_type, traces, round(mean_ns, 3), min_ns, max_ns FROM pythia_groups ORDER BY 1"""
PROBLEMS = "SELECT kind, trace_id, span_id, position, detail FROM pythia_problems ORDER BY 1, 2, 3, 4"


def connect(path=":memory:"):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(SO)
    db.enable_load_extension(False)
    return db


def one(db, sql, *arguments):
    return db.execute(sql, arguments).fetchone()[0]


def content(db):
    return [db.execute(sql).fetchall() for sql in (SPANS, ATTRIBUTES, EVENTS, GROUPS)]


def problems(db):
    return db.execute(PROBLEMS).fetchall()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "growing")
        self.db = connect()

    def tearDown(self):
        self.db.close()
        shutil.rmtree(self.folder)

    def write(self, data, mode="wb"):
        with open(self.path, mode) as file:
            file.write(data)

    def append(self, data):
        self.write(data, "ab")

    def follow(self, **options):
        return one(self.db, "SELECT pythia_import(?, ?)", self.path, json.dumps({"follow": 1, **options}))

    def position(self):
        return one(self.db, "SELECT max(position) FROM pythia_imports")

    def whole(self, data):
        """What one import of all of it gives."""
        path = os.path.join(self.folder, "whole")
        with open(path, "wb") as file:
            file.write(data)
        db = connect()
        taken = one(db, "SELECT pythia_import(?)", path)
        result = content(db), problems(db), taken
        db.close()
        return result

    def pieces(self, data, cuts):
        """Imports after every piece. The events that were taken in, in all."""
        self.db.close()
        self.db = connect()
        self.write(b"")
        taken = begin = 0
        for end in sorted(cuts) + [len(data)]:
            self.append(data[begin:end])
            taken += self.follow()
            position = self.position() or 0
            self.assertLessEqual(position, end)
            self.assertEqual(self.follow(), 0)
            self.assertEqual(self.position() or 0, position)
            begin = end
        return taken

    def same(self, data, cuts, exact=True):
        expected, found, events = self.whole(data)
        taken = self.pieces(data, cuts)
        now = content(self.db)
        for i, what in enumerate(("spans", "attributes", "events", "groups")):
            self.assertEqual(now[i], expected[i], what)
        self.assertEqual(problems(self.db), found)
        if exact:
            self.assertEqual(taken, events)
            sums = "SELECT sum(bytes), sum(spans), sum(events), sum(rejected), total(duplicates) FROM pythia_imports"
            row = self.db.execute(sums).fetchone()
            self.assertEqual(row[0], self.position())
            self.assertEqual(row[1] + row[2], events)
            self.assertEqual(row[3:], (0, 0))
        self.db.execute("INSERT INTO pythia(pythia) VALUES('integrity-check')")
        return found

    def random_cuts(self, data, n, seed):
        return random.Random(seed).sample(range(1, len(data)), min(n, len(data) - 1))


def fixture(name):
    with open(os.path.join(FORMATS, name), "rb") as file:
        return file.read()


def unzipped(path, lines=None):
    with gzip.open(path, "rb") as file:
        data = file.read()
    return b"".join(data.splitlines(True)[:lines]) if lines else data


def notifications(reports):
    """The single notifications that reports were made of, in the order of time."""
    halves, nodes = [], [json.loads(line) for line in reports.splitlines()]
    while nodes:
        node = nodes.pop()
        halves += [v for k, v in node.get("info", {}).items() if k.startswith("meta.raw_payload.")]
        nodes += node.get("children", [])
    return sorted(halves, key=lambda half: half["timestamp"])


class Pieces(Case):
    def test_otlp_lines(self):
        data = unzipped(SHOP, 60)
        for seed in range(3):
            with self.subTest(seed):
                self.same(data, self.random_cuts(data, 40, seed))

    def test_every_cut(self):
        """Two imports, cut at every byte."""
        data = fixture("otlp.jsonl")
        expected, found, taken = self.whole(data)
        for cut in range(1, len(data), 7):
            with self.subTest(cut):
                self.assertEqual(self.pieces(data, [cut]), taken)
                self.assertEqual(content(self.db), expected)
                self.assertEqual(problems(self.db), found)

    def test_byte_by_byte(self):
        data = b'{"traceId":"1","id":"2","name":"x","timestamp":1,"duration":2}\n' \
               b'{"traceId":"1","id":"3","parentId":"2","name":"y \\" {","timestamp":1,"duration":1}\n'
        self.same(data, range(1, len(data)))
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans"), 2)

    def test_shapes_of_json(self):
        """Arrays, pretty-printed, many objects a line."""
        spans = [{"traceId": "%x" % (1 + i // 4), "id": "%x" % (100 + i), "name": "s%d" % (i % 3),
                  "timestamp": 1000000 + i, "duration": 5, "tags": {"a": "{[\"" * (i % 3)}} for i in range(24)]
        for name, data in (
            ("array", json.dumps(spans)),
            ("pretty", json.dumps(spans, indent=2)),
            ("one line", "".join(json.dumps(s) for s in spans)),
            ("pretty lines", "\n".join(json.dumps(s, indent=1) for s in spans)),
            ("byte order mark", "\ufeff" + "\r\n".join(json.dumps(s) for s in spans)),
        ):
            with self.subTest(name):
                self.same(data.encode(), self.random_cuts(data.encode(), 50, name))

    def test_formats(self):
        for name in ("jaeger.json", "osprofiler-report.json", "zipkin.json", "otlp.json"):
            data = fixture(name)
            with self.subTest(name):
                self.same(data, self.random_cuts(data, 6, name), exact=False)

    def test_osprofiler_halves(self):
        """Halves that come in different imports are joined in the store, and names that need an earlier part of
        the file find it."""
        data = b"".join(json.dumps(half).encode() + b"\n" for half in notifications(unzipped(OPENSTACK)))
        self.assertIn(b".<locals>", data)
        self.same(data, self.random_cuts(data, 60, 5), exact=False)
        self.assertEqual(one(self.db, "SELECT count(place) FROM pythia_ximport"), 1)

    def test_protobuf_frames(self):
        data = fixture("otlp.pb")
        self.same(data, self.random_cuts(data, 30, 1), exact=False)

    def test_frames_one_after_the_other(self):
        def message(i):
            def field(number, body):
                return bytes([number << 3 | 2]) + bytes([len(body)]) + body
            span = field(1, bytes(15) + bytes([1 + i // 3])) + field(2, bytes(7) + bytes([1 + i])) + \
                field(5, b"work") + bytes([7 << 3 | 1]) + struct.pack("<Q", 10**18 + i) + \
                bytes([8 << 3 | 1]) + struct.pack("<Q", 10**18 + i + 100)
            resource = field(1, field(1, field(1, b"service.name") + field(2, field(1, b"shop"))))
            return field(1, resource + field(2, field(2, span)))
        data = b"".join(struct.pack(">I", len(m)) + m for m in map(message, range(30)))
        self.same(data, self.random_cuts(data, 60, 2))
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans"), 30)


LINE = '{"traceId":"%x","id":"%x","name":"x","timestamp":1000,"duration":2}\n'


class Files(Case):
    def lines(self, first, last):
        return "".join(LINE % (i, i) for i in range(first, last)).encode()

    def spans(self):
        return one(self.db, "SELECT count(*) FROM pythia_spans")

    def test_incomplete_end_stays(self):
        data = self.lines(1, 4)
        self.write(data + b'{"traceId":"9","id"')
        self.assertEqual(self.follow(), 9)
        self.assertEqual(self.position(), len(data))
        self.assertEqual(problems(self.db), [])
        self.assertEqual(self.follow(), 0)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_imports"), 1)

    def test_nothing_yet(self):
        for data in (b"", b" ", b"{", b"\n\n", b"\x00\x00\x01", b'{"traceId'):
            self.write(data)
            self.assertEqual(self.follow(), 0)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_imports"), 0)
        self.assertEqual(problems(self.db), [])

    def test_earlier_imports_keep_their_counts(self):
        self.write(self.lines(1, 5))
        self.follow()
        row = self.db.execute("SELECT * FROM pythia_imports").fetchall()
        self.follow()
        self.assertEqual(self.db.execute("SELECT * FROM pythia_imports").fetchall(), row)

    def test_lines_of_problems_go_on(self):
        self.write(self.lines(1, 4))
        self.follow()
        self.append(b"nonsense\n" + self.lines(5, 6) + b"more")
        self.follow()
        self.assertEqual([p[3] for p in problems(self.db)], [4])
        self.append(b" nonsense\n" + self.lines(6, 7))
        self.follow()
        self.follow()
        self.assertEqual([p[3] for p in problems(self.db)], [4, 6])
        self.assertEqual(self.spans(), 5)

    def test_broken_document_does_not_stop(self):
        self.write(self.lines(1, 3) + b'{"traceId": {\n')
        self.follow()
        self.append(self.lines(3, 5))
        self.follow()
        self.assertEqual(self.spans(), 4)
        self.assertEqual([p[0] for p in problems(self.db)], ["syntax"])

    def test_smaller(self):
        self.write(self.lines(1, 10))
        self.follow()
        self.write(self.lines(20, 22), "r+b")
        os.truncate(self.path, len(self.lines(20, 22)))
        self.assertEqual(self.follow(), 4 + 2)
        self.assertEqual(self.spans(), 11)

    def test_another_file(self):
        self.write(self.lines(1, 10))
        self.follow()
        os.rename(self.path, self.path + ".1")
        self.write(self.lines(1, 10) + self.lines(10, 12))
        self.follow()
        self.assertEqual(self.spans(), 11)
        self.assertEqual(one(self.db, "SELECT duplicates FROM pythia_imports WHERE import_id = 2"), 9)
        self.append(self.lines(12, 13))
        self.assertEqual(self.follow(), 3)

    def test_another_beginning(self):
        self.write(self.lines(1, 5))
        self.follow()
        self.write(self.lines(16, 30), "r+b")
        self.assertEqual(self.follow(), 14 * 3)
        self.assertEqual(self.spans(), 18)

    def test_rolled_back(self):
        self.write(self.lines(1, 5))
        self.db.execute("BEGIN")
        self.follow()
        self.db.execute("ROLLBACK")
        self.assertEqual(self.follow(), 12)

    def test_deleted(self):
        self.write(self.lines(1, 5))
        self.follow()
        self.db.execute("INSERT INTO pythia(pythia) VALUES('delete-all')")
        self.assertEqual(self.follow(), 12)

    def test_several_files(self):
        names = [os.path.join(self.folder, "%d.jsonl" % i) for i in range(3)]
        pattern = os.path.join(self.folder, "*.jsonl")
        sql = "SELECT pythia_import(?, '{\"follow\":1}')"
        for i, name in enumerate(names):
            with open(name, "wb") as file:
                file.write(self.lines(10 * i + 1, 10 * i + 4))
        self.assertEqual(one(self.db, sql, pattern), 27)
        with open(names[1], "ab") as file:
            file.write(self.lines(50, 51))
        self.assertEqual(one(self.db, sql, pattern), 3)
        self.assertEqual(one(self.db, sql, pattern), 0)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_imports"), 4)

    def test_large_ones_are_read_apart(self):
        self.write(self.lines(1, 150000))
        self.assertGreater(os.path.getsize(self.path), 8 << 20)
        self.assertEqual(self.follow(), 149999 * 3)
        self.append(self.lines(150000, 150001))
        self.assertEqual(self.follow(), 3)


class Refused(Case):
    def refused(self, data, message, **options):
        self.write(data)
        with self.assertRaisesRegex(sqlite3.OperationalError, message):
            self.follow(**options)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_traces"), 0)

    def test_compressed(self):
        self.refused(gzip.compress(b"{}"), "is compressed and cannot be followed")
        self.refused(fixture("otlp.jsonl.zst"), "is compressed and cannot be followed")

    def test_pipes(self):
        read, write = os.pipe()
        os.close(write)
        with self.assertRaisesRegex(sqlite3.OperationalError, "no regular file"):
            one(self.db, "SELECT pythia_import(?, '{\"follow\":1}')", "/dev/fd/%d" % read)
        os.close(read)

    def test_formats(self):
        self.refused(fixture("chrome.json"), "chrome cannot be followed")
        self.refused(fixture("spans.csv"), "csv cannot be followed")
        self.refused(b"{}", "csv cannot be followed", format="csv")
        self.refused(fixture("otlp.pb")[4:0xf1 + 4], "single protobuf message cannot be followed")
        self.refused(b'{"X-Trace":["1900000000000000010000000000000002"],"Timestamp":["1384989798643"]}',
                     "single X-Trace reports cannot be followed")

    def test_nothing_known(self):
        self.refused(b'{"a":1}\n', "no known format")

    def test_option(self):
        for value in (2, "yes", None):
            with self.assertRaisesRegex(sqlite3.OperationalError, "follow must be 0 or 1"):
                one(self.db, "SELECT pythia_import('x', ?)", json.dumps({"follow": value}))


if __name__ == "__main__":
    unittest.main()
