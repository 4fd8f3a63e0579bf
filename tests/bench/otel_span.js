// otel_span.js - prints what a span with two attributes costs in the OpenTelemetry SDK for Node, in ns: one
// number, the best of several measurements. The exporter does nothing.
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');

const exporter = { export: (spans, done) => done({ code: 0 }), shutdown: () => Promise.resolve() };
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const tracer = provider.getTracer('bench');
const rounds = 20000;
let best = Infinity;

function batch() {
  const start = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) {
    const span = tracer.startSpan('span');
    span.setAttribute('a', i);
    span.setAttribute('b', 1.5);
    span.end();
  }
  best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds);
}

async function main() {
  for (let i = 0; i < 15; i++) {
    batch();
    await provider.forceFlush();
  }
  console.log(best.toFixed(1));
  await provider.shutdown();
}

main();
