-- Exports of every format, with and without a query, compressed and not.
SELECT pythia_import('fixtures/formats/' || column1) FROM (VALUES ('otlp-traps.jsonl'), ('jaeger-traps.json'), ('xtrace.json'));
-- fail
SELECT pythia_export('/dev/null', 'otlp');
SELECT pythia_export('/dev/null', 'jaeger', 'SELECT trace_id FROM pythia_spans');
SELECT pythia_export('/dev/null', 'chrome');
SELECT pythia_export('/dev/null', 'dot');
SELECT pythia_export('/dev/null', 'folded');
SELECT pythia_export('build/pythia-oom.jsonl.gz', 'otlp');
-- retry
