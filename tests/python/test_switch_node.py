"""Spans of OpenTelemetry's SDK for Node, switched by rows: scripts/switch_tracer_provider.js, pythia-names, the page."""

import os
import shutil
import subprocess
import tempfile
import unittest

import test_listen
from test_listen import connect, one

# Reads lines: a number makes that many requests, "new" goes on when new names have their slots, and each is answered.
PROGRAM = """
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } = require('@opentelemetry/core');
const { trace, context, propagation } = require('@opentelemetry/api');
const { SwitchTracerProvider } = require(process.argv[2]);
const inner = new NodeTracerProvider({ resource: resourceFromAttributes({ 'service.name': process.argv[4] }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: 'http://' + process.argv[3] + '/v1/traces' }))] });
inner.register();
const provider = SwitchTracerProvider.install();
propagation.disable();
propagation.setGlobalPropagator(provider.propagator(new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] })));
const tracer = trace.getTracer('test');

function work() {
  tracer.startActiveSpan('checkout', checkout => {
    tracer.startActiveSpan('wait', { attributes: { slot: 1 } }, wait => wait.end());
    const query = tracer.startSpan('query', undefined, context.active()); // the way of the instrumentations
    context.with(trace.setSpan(context.active(), query), () => tracer.startSpan('row').end());
    query.end();
    checkout.end();
  });
}
function request(name) {
  tracer.startActiveSpan(name, { kind: 1 }, server => { work(); server.end(); });
}
// A request that came from another process: its server span has a parent.
function relay() {
  const carrier = {};
  tracer.startActiveSpan('buy', client => { propagation.inject(context.active(), carrier); client.end(); });
  context.with(propagation.extract(context.active(), carrier), () => request('serve'));
}
const actions = {
  request: () => request('buy'), look: () => request('look'), relay,
  bare: () => { const span = tracer.startSpan('lonely'); span.end(); },
  new: () => provider.page.ready(), count: () => provider.page.count(),
};
require('readline').createInterface({ input: process.stdin }).on('line', async line => {
  provider.page.read(); // else within 50 ms
  await actions[line]();
  await provider.page.ready();
  await provider.forceFlush();
  console.log('done');
}).on('close', () => provider.shutdown());
"""


class Case(test_listen.Case):
    SERVICE = "node"

    @classmethod
    def setUpClass(cls):
        if not shutil.which("node"):
            raise unittest.SkipTest("node is not there")
        test_listen.Sdk.setUpClass()
        root = test_listen.ROOT
        cls.helper = os.path.join(os.path.abspath(os.environ.get("BUILD", os.path.join(root, "build"))), "pythia-names")
        cls.provider = os.path.join(root, "scripts", "switch_tracer_provider.js")

    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.page = os.path.join(self.folder.name, "page")
        self.program = self.start()
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('shop', 'page', ?)", self.page)

    def start(self, **environment):
        program = subprocess.Popen(["node", "-e", PROGRAM, "x", self.provider, self.address, self.SERVICE],
                                   cwd=test_listen.Sdk.FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "PYTHIA_PAGE": self.page, "PYTHIA_NAMES": self.helper, **environment})
        self.addCleanup(self.stop, program)
        return program

    def stop(self, program):
        if program.stdout.closed:
            return
        program.stdin.close()
        program.wait(60)
        self.problems = program.stderr.read()
        program.stdout.close()
        program.stderr.close()

    def rows(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    def do(self, action, program=None):
        """Makes the program act, takes in what it sent, and returns its spans as child<parent, in order of name."""
        program = program or self.program
        program.stdin.write(action + "\n")
        program.stdin.flush()
        self.assertEqual(program.stdout.readline(), "done\n", program.stderr.read() if program.poll() else "")
        before = one(self.db, "SELECT count(*) FROM pythia_traces") if self.stored() else 0
        self.rows("SELECT pythia_collect()")
        return [row[0] for row in self.rows(
            "SELECT s.operation || coalesce('<' || p.operation, '') FROM pythia_spans s"
            " LEFT JOIN pythia_spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id"
            " WHERE s.trace_id IN (SELECT trace_id FROM pythia_traces ORDER BY start_ns LIMIT -1 OFFSET ?) ORDER BY 1", before)]

    def stored(self):
        return self.rows("SELECT 1 FROM sqlite_schema WHERE name = 'pythia_xtrace'")

    def switch(self, tracepoint, enabled, request_type=None):
        self.rows("INSERT INTO pythia_control(tracepoint, enabled, request_type) VALUES(?, ?, ?)", tracepoint, enabled,
                  request_type)


class Switching(Case):
    def test_spans_come_and_go(self):
        self.assertEqual(self.do("request"), ["buy"])  # the root of a trace cannot be off, all else begins off
        self.assertEqual(self.rows("SELECT tracepoint, backend, enabled, always_on FROM pythia_tracepoints ORDER BY 1"),
                         [("node/buy", "shop", 1, 1), ("node/checkout", "shop", 0, 0), ("node/query", "shop", 0, 0),
                          ("node/row", "shop", 0, 0), ("node/wait", "shop", 0, 0)])
        self.switch("node/row", 1)
        self.assertEqual(self.do("request"), ["buy", "row<buy"])  # two spans between them are off
        self.switch("node/checkout", 1)
        self.assertEqual(self.do("request"), ["buy", "checkout<buy", "row<checkout"])
        self.switch("node/*", 1)
        self.assertEqual(self.do("request"), ["buy", "checkout<buy", "query<checkout", "row<query", "wait<checkout"])
        self.rows("DELETE FROM pythia_control WHERE tracepoint <> 'node/row'")
        self.assertEqual(self.do("request"), ["buy", "row<buy"])
        self.rows("DELETE FROM pythia_control")
        self.assertEqual(self.do("request"), ["buy"])
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_problems"), 0)  # no span lost its parent

    def test_rollback_reaches_nobody(self):
        self.do("request")
        self.rows("BEGIN")
        self.switch("node/*", 1)
        self.rows("ROLLBACK")
        self.assertEqual(self.do("request"), ["buy"])

    def test_one_request_type(self):
        self.do("request")
        self.do("look")
        self.switch("node/query", 1, "node/look")
        self.assertEqual(self.do("request"), ["buy"])
        self.assertEqual(self.do("look"), ["look", "query<look"])

    def test_the_type_goes_with_the_request(self):
        self.do("relay")
        self.do("request")
        self.switch("node/wait", 1, "node/buy")
        self.assertEqual(self.do("relay"), ["buy", "serve<buy", "wait<serve"])
        self.assertEqual(self.do("look"), ["look"])

    def test_roots_and_servers_stay_on(self):
        self.do("request")
        self.do("relay")
        self.do("bare")
        for name in ("buy", "serve", "lonely"):
            with self.assertRaisesRegex(Exception, "node/%s is always on" % name):
                self.switch("node/" + name, 0)
        self.switch("node/*", 0)
        self.assertEqual(self.do("relay"), ["buy", "serve<buy"])

    def test_counts_what_is_on(self):
        self.do("request")
        self.switch("node/wait", 1)
        for _ in range(3):
            self.do("request")
        self.do("count")
        self.program.stdin.close()
        self.program.wait(60)
        hits = dict(self.rows("SELECT tracepoint, hits FROM pythia_tracepoints"))
        self.assertEqual((hits["node/wait"], hits["node/buy"], hits["node/query"]), (3, 4, 0))

    def test_a_page_that_was_removed_is_made_anew(self):
        self.do("request")
        self.switch("node/wait", 1)
        os.remove(self.page)
        for _ in range(400):
            if os.path.exists(self.page) and self.rows(
                    "SELECT count(*) FROM pythia_tracepoints WHERE backend = 'shop' AND pending") != [(0,)]:
                break
            self.do("new")
        self.rows("SELECT pythia_reconcile()")
        self.assertEqual(self.do("request"), ["buy", "wait<buy"])

    def test_all_on_at_first(self):
        program = self.start(PYTHIA_DEFAULT="on")
        self.assertEqual(self.do("request", program), ["buy", "checkout<buy", "query<checkout", "row<query", "wait<checkout"])
        self.switch("node/query", 0)
        self.assertEqual(self.do("request", program), ["buy", "checkout<buy", "row<checkout", "wait<checkout"])

    def test_without_the_helper(self):
        program = self.start(PYTHIA_NAMES="/nowhere/pythia-names")
        self.assertEqual(self.do("request", program), ["buy"])
        self.stop(program)
        self.assertIn("Pythia does not switch spans: /nowhere/pythia-names", self.problems)


del Case
