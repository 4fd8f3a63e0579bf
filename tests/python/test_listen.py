"""pythia_listen: what OpenTelemetry's exporters send over HTTP, answered as the OTLP specification says, and stored by
pythia_collect()."""

import gzip
import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
FORMATS = os.path.join(ROOT, "fixtures", "formats")
PROTOBUF, JSON = "application/x-protobuf", "application/json"


def connect(path=":memory:"):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(SO)
    return db


def one(db, sql, *arguments):
    return db.execute(sql, arguments).fetchone()[0]


def fixture(name):
    with open(os.path.join(FORMATS, name), "rb") as file:
        return file.read()


def request_json(trace, spans, name="work"):
    """An export request of one trace."""
    return json.dumps({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "sender"}}]},
        "scopeSpans": [{"spans": [
            {"traceId": f"{trace:032x}", "spanId": f"{i + 1:016x}", "parentSpanId": f"{1:016x}" if i else "", "name": name,
             "startTimeUnixNano": str(10**18 + i), "endTimeUnixNano": str(10**18 + 1000 - i)} for i in range(spans)]}]}]}
    ).encode()


class Case(unittest.TestCase):
    def setUp(self):
        self.db = connect()
        self.address = one(self.db, "SELECT pythia_listen('127.0.0.1:0')")

    def tearDown(self):
        self.db.close()

    def send(self, body, kind=JSON, path="/v1/traces", method="POST", **headers):
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request(method, path, body, {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text, answer

    def counts(self):
        return json.loads(one(self.db, "SELECT pythia_listen()"))


class Answers(Case):
    def test_json_protobuf_and_gzip_are_the_same(self):
        imported = connect()
        imported.execute("SELECT pythia_import(?)", (os.path.join(FORMATS, "otlp.json"),))
        expected = imported.execute("SELECT trace_id, span_id, operation, duration_ns, attributes FROM pythia_spans ORDER BY 1, 2"
                                    ).fetchall()
        for body, kind, headers in ((fixture("otlp.json"), JSON, {}), (fixture("otlp.json"), JSON + "; charset=utf-8", {}),
                                    (gzip.compress(fixture("otlp.json")), JSON, {"Content_Encoding": "gzip"})):
            with self.subTest(kind, **headers):
                status, text, answer = self.send(body, kind, **headers)
                self.assertEqual((status, text, answer.getheader("Content-Type")), (200, b"{}", JSON))
                self.db.execute("SELECT pythia_collect()")
                self.assertEqual(self.db.execute("SELECT trace_id, span_id, operation, duration_ns, attributes FROM pythia_spans"
                                                 " ORDER BY 1, 2").fetchall(), expected)
        status, text, answer = self.send(b"", PROTOBUF)
        self.assertEqual((status, text, answer.getheader("Content-Type")), (200, b"", PROTOBUF))

    def test_protobuf(self):
        field = lambda number, data: bytes([number << 3 | 2, len(data)]) + data
        fixed = lambda number, value: bytes([number << 3 | 1]) + value.to_bytes(8, "little")
        span = field(1, bytes(range(16))) + field(2, bytes(range(8))) + field(5, b"over the wire") + fixed(7, 10**18) + fixed(8, 10**18 + 5)
        good = field(1, field(2, field(2, span)))
        self.assertEqual(self.send(good, PROTOBUF)[:2], (200, b""))
        self.assertEqual(self.send(gzip.compress(good), PROTOBUF, Content_Encoding="gzip")[0], 200)
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 2)  # the same span twice
        self.assertEqual(self.db.execute("SELECT operation, duration_ns FROM pythia_spans").fetchall(), [("over the wire", 5)])

    def test_what_cannot_be_used(self):
        for status, body, kind, more in (
                (400, b"{\"resourceSpans\": [", JSON, {}), (400, b"not json", JSON, {}), (400, b"\xff\xff\xff", PROTOBUF, {}),
                (400, b"\x1f\x8b\x08\x00", JSON, {"Content_Encoding": "gzip"}),
                (400, gzip.compress(request_json(1, 50))[:-20], JSON, {"Content_Encoding": "gzip"}),
                (404, b"{}", JSON, {"path": "/v1/metrics"}), (404, b"{}", JSON, {"path": "/"}),
                (405, None, JSON, {"method": "GET"}), (405, b"{}", JSON, {"method": "PUT"}),
                (415, b"{}", "text/plain", {}), (415, b"{}", JSON, {"Content_Encoding": "br"}),
                (413, gzip.compress(b" " * (70 << 20)), JSON, {"Content_Encoding": "gzip"})):
            with self.subTest(status=status, kind=kind, **more):
                got, text, _ = self.send(body, kind, **more)
                self.assertEqual(got, status)
                if kind == JSON:
                    self.assertTrue(json.loads(text)["message"])
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 0)
        self.assertEqual(self.counts()["accepted"], 0)

    def test_a_body_that_is_too_long(self):
        try:
            status = self.send(b" " * (17 << 20))[0]
        except (BrokenPipeError, ConnectionResetError):
            return  # refused by its length, while it was still being sent
        self.assertEqual(status, 413)

    def test_partial_success(self):
        body = json.loads(request_json(7, 3))
        body["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["spanId"] = ""
        status, text, _ = self.send(json.dumps(body).encode())
        partial = json.loads(text)["partialSuccess"]
        self.assertEqual((status, partial["rejectedSpans"]), (200, "1"))
        self.assertTrue(partial["errorMessage"])
        self.db.execute("SELECT pythia_collect()")
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans"), 2)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_problems"), 1)


class Queue(Case):
    def setUp(self):
        self.db = connect()
        self.address = one(self.db, "SELECT pythia_listen('127.0.0.1:0', '{\"queue_mb\": 1}')")

    def test_back_pressure(self):
        """A full queue says 503 and when to come again; what was accepted is stored, all of it."""
        accepted = 0
        for trace in range(1, 100):
            status, _, answer = self.send(request_json(trace, 200))
            if status == 503:
                self.assertEqual(answer.getheader("Retry-After"), "1")
                break
            self.assertEqual(status, 200)
            accepted += 1
        self.assertGreater(accepted, 10)
        self.assertLess(accepted, 99)
        counts = self.counts()
        self.assertLessEqual(counts["queued_bytes"], 1 << 20)
        self.assertEqual((counts["queued"], counts["refused"]), (accepted, 1))
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 200 * accepted)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_traces"), accepted)
        self.assertEqual(self.counts()["queued"], 0)
        self.assertEqual(self.send(request_json(200, 200))[0], 200)

    def test_rollback_keeps_what_waits(self):
        self.send(request_json(1, 3))
        self.db.execute("SELECT pythia_init()")
        self.db.execute("BEGIN")
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 3)
        self.db.execute("ROLLBACK")
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans"), 0)
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 3)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans"), 3)
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 0)

    def test_many_senders(self):
        def sender(first):
            for trace in range(first, first + 20):
                while self.send(request_json(trace, 10))[0] == 503:
                    time.sleep(0.01)

        threads = [threading.Thread(target=sender, args=(1 + 100 * i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        taken = 0
        while any(thread.is_alive() for thread in threads):
            taken += one(self.db, "SELECT pythia_collect()")
        taken += one(self.db, "SELECT pythia_collect()")
        self.assertEqual(taken, 8 * 20 * 10)
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_traces WHERE spans = 10"), 160)


class Listening(unittest.TestCase):
    def setUp(self):
        self.db = connect()

    def tearDown(self):
        self.db.close()

    def failure(self, sql, *arguments):
        with self.assertRaises(sqlite3.OperationalError) as caught:
            self.db.execute(sql, arguments).fetchall()
        return str(caught.exception)

    def test_addresses(self):
        for bad in ("", "host:80x", "127.0.0.1:", "127.0.0.1:99999", "[::1:80", "example.org:80", "a" * 100 + ":1"):
            with self.subTest(bad):
                self.assertIn("pythia_listen: ", self.failure("SELECT pythia_listen(?)", bad))
        for remote in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            self.assertIn("other machines", self.failure("SELECT pythia_listen(?)", remote))
        self.assertIn("no such option", self.failure("SELECT pythia_listen('0', '{\"port\": 1}')"))
        self.assertIn("JSON", self.failure("SELECT pythia_listen('0', '[]')"))
        self.assertIn("JSON", self.failure("SELECT pythia_listen('0', 'x')"))
        self.assertRegex(one(self.db, "SELECT pythia_listen('0', '{}')"), r"^127\.0\.0\.1:\d+$")

    def test_one_at_a_time(self):
        address = one(self.db, "SELECT pythia_listen('localhost:0')")
        self.assertIn(address, self.failure("SELECT pythia_listen('0')"))
        other = connect()
        with self.assertRaisesRegex(sqlite3.OperationalError, "cannot listen on " + address):
            other.execute("SELECT pythia_listen(?)", (address,))
        self.assertIsNone(one(self.db, "SELECT pythia_listen(NULL)"))
        self.assertIsNone(json.loads(one(self.db, "SELECT pythia_listen()"))["address"])
        self.assertEqual(one(other, "SELECT pythia_listen(?)", address), address)
        other.close()  # closes the receiver with it
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(address.split(":"), 5)

    def test_stopping_keeps_what_waits(self):
        address = one(self.db, "SELECT pythia_listen('0')")
        connection = http.client.HTTPConnection(address)
        connection.request("POST", "/v1/traces", request_json(1, 2), {"Content-Type": JSON})
        self.assertEqual(connection.getresponse().status, 200)
        self.db.execute("SELECT pythia_listen(NULL)")
        self.assertIn("pythia_collect", self.failure("SELECT pythia_listen('0')"))
        self.assertEqual(one(self.db, "SELECT pythia_collect()"), 2)
        self.assertTrue(one(self.db, "SELECT pythia_listen('0')"))

    def test_not_from_a_schema(self):
        self.db.execute("CREATE VIEW v AS SELECT pythia_listen('0') AS x")
        self.assertIn("unsafe use", self.failure("SELECT * FROM v"))


SDK = """
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-' + process.argv[3]);
const { resourceFromAttributes } = require('@opentelemetry/resources');
const exporter = new OTLPTraceExporter({ url: 'http://' + process.argv[2] + '/v1/traces', compression: process.argv[4] });
const provider = new NodeTracerProvider({ resource: resourceFromAttributes({ 'service.name': 'node' }),
                                          spanProcessors: [new BatchSpanProcessor(exporter)] });
provider.register();
const tracer = provider.getTracer('test');
for (let i = 0; i < 50; i++) tracer.startActiveSpan('request', { kind: 1 }, root => {
  tracer.startActiveSpan('query', span => { span.setAttribute('rows', i); span.addEvent('fetched'); span.end(); });
  root.end();
});
provider.shutdown().then(() => console.log('done'), e => { console.log(e); process.exit(1); });
"""


class Sdk(Case):
    """The real thing: OpenTelemetry's SDK for Node, installed below build/ the first time."""

    FOLDER = os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")), "sdk")

    @classmethod
    def setUpClass(cls):
        if not shutil.which("npm"):
            raise unittest.SkipTest("npm is not there")
        if os.path.isdir(os.path.join(cls.FOLDER, "node_modules", "@opentelemetry", "sdk-node")):
            return
        os.makedirs(cls.FOLDER, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", cls.FOLDER, "--no-audit", "--no-fund", "--ignore-scripts",
                               "--loglevel=error", "@opentelemetry/sdk-node@0.206.0"], capture_output=True, timeout=240)
        if done.returncode:
            raise unittest.SkipTest("the SDK could not be installed")

    def test_exporters(self):
        for protocol, compression in (("http", "none"), ("http", "gzip"), ("proto", "none"), ("proto", "gzip")):
            with self.subTest(protocol=protocol, compression=compression):
                before = one(self.db, "SELECT count(*) FROM pythia_spans")
                run = subprocess.run(["node", "-e", SDK, "x", self.address, protocol, compression], cwd=self.FOLDER, timeout=60,
                                     capture_output=True, text=True)
                self.assertEqual(run.stdout.strip(), "done", run.stderr)
                self.assertEqual(one(self.db, "SELECT pythia_collect()"), 100)
                self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans") - before, 100)
        rows = self.db.execute("SELECT request_type, traces FROM pythia_groups").fetchall()
        self.assertEqual(rows, [("node/request", 200)])
        self.assertEqual(one(self.db, "SELECT sum(value) FROM pythia_attributes WHERE key = 'rows'"), 4 * 49 * 50 // 2)
