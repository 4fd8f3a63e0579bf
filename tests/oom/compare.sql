-- Comparing two sets: of one store by predicates, of two. Not run again after a failure: ATTACH would find its
-- schema there already.
SELECT pythia_import('fixtures/otel-shop/none.otlp.jsonl.gz');
DELETE FROM pythia_traces WHERE request_type <> 'frontend/POST /cart';
-- fail
SELECT what, change, key FROM pythia_compare('duration_ns < 3500000', 'duration_ns >= 3500000');
ATTACH ':memory:' AS other;
SELECT pythia_import('fixtures/formats/jaeger.json', '{"schema":"other"}');
SELECT count(*) FROM pythia_compare('other', 'trace_id < ''8''');
