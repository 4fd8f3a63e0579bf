-- Imports of every format; the same again; late spans that reopen a trace.
-- fail
SELECT pythia_import('fixtures/formats/otlp.jsonl', '{"schema":"main"}');
SELECT pythia_import('fixtures/formats/otlp.pb');
SELECT pythia_import('fixtures/formats/otlp.jsonl.zst');
SELECT pythia_import('fixtures/formats/jaeger-traps.json');
SELECT pythia_import('fixtures/formats/zipkin.json');
SELECT pythia_import('fixtures/formats/osprofiler-notifications.json');
SELECT pythia_import('fixtures/formats/osprofiler-traps.json');
SELECT pythia_import('fixtures/formats/xtrace.json');
SELECT pythia_import('fixtures/formats/chrome.json');
SELECT pythia_import('fixtures/formats/spans.csv');
SELECT pythia_import('fixtures/formats/otlp-traps.jsonl');
SELECT count(*), sum(spans), sum(duplicates) FROM pythia_imports;
SELECT count(*) FROM pythia_problems;
SELECT count(*), sum(duration_ns) FROM pythia_spans;
