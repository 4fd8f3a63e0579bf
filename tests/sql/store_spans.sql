-- Spans by their id: against a copy of all spans, with ids that occur twice, through deleting,
-- merging and late spans.
SELECT pythia_import('fixtures/formats/*.json*') > 0, pythia_import('fixtures/formats/spans.csv') > 0, pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
CREATE TEMP TABLE span AS SELECT rowid AS id, * FROM pythia_spans;
CREATE INDEX temp.span_by_id ON span(span_id);
SELECT count(*) > 1000, count(*) > count(DISTINCT span_id) FROM span;
-- whole rows, and columns alone
SELECT count(*) FROM (SELECT DISTINCT span_id AS wanted FROM span) JOIN pythia_spans AS s ON s.span_id = wanted
JOIN span ON span.id = s.rowid AND span.attributes = s.attributes AND span.trace_id = s.trace_id
    AND span.start_ns = s.start_ns AND span.depth = s.depth;
SELECT count(*) = (SELECT count(*) FROM span WHERE span_id IS NOT NULL), sum(s.duration_ns) = (SELECT sum(duration_ns) FROM span WHERE span_id IS NOT NULL)
FROM (SELECT DISTINCT span_id AS wanted FROM span) JOIN pythia_spans AS s ON s.span_id = wanted;
-- not the canonical spelling, not there, no id; with other conditions
SELECT count(*) FROM pythia_spans WHERE span_id = (SELECT upper(max(span_id)) FROM span WHERE span_id GLOB '*[a-f]*' AND length(span_id) = 16);
SELECT count(*) FROM pythia_spans WHERE span_id IN ('0123456789abcdef', 'nothing', '', NULL);
SELECT count(*) FROM pythia_spans WHERE span_id IS NULL;
CREATE TEMP TABLE one AS SELECT * FROM span WHERE service = 'frontend' ORDER BY start_ns LIMIT 1;
SELECT count(*) FROM one JOIN pythia_spans AS s ON s.span_id = one.span_id AND s.duration_ns = one.duration_ns AND s.service = 'frontend';
SELECT count(*) FROM one JOIN pythia_spans AS s ON s.span_id = one.span_id AND s.duration_ns > one.duration_ns;
SELECT count(*) FROM one JOIN pythia_spans AS s ON s.span_id = one.span_id AND s.trace_id = one.trace_id;
SELECT count(*) FROM one JOIN pythia_spans AS s ON s.span_id = one.span_id AND s.trace_id = 'another';
-- deleted, merged, imported again
DELETE FROM pythia_traces WHERE trace_id = (SELECT trace_id FROM one);
SELECT count(*) FROM one JOIN pythia_spans AS s ON s.span_id = one.span_id;
INSERT INTO pythia(pythia) VALUES('optimize');
SELECT count(*) = (SELECT count(*) FROM span WHERE span_id IS NOT NULL AND trace_id <> (SELECT trace_id FROM one))
FROM (SELECT DISTINCT span_id AS wanted FROM span) JOIN pythia_spans AS s ON s.span_id = wanted;
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
SELECT count(*) = (SELECT count(*) FROM span WHERE span_id IS NOT NULL)
FROM (SELECT DISTINCT span_id AS wanted FROM span) JOIN pythia_spans AS s ON s.span_id = wanted;
INSERT INTO pythia(pythia) VALUES('rebuild');
INSERT INTO pythia(pythia) VALUES('integrity-check');
SELECT count(*) FROM one JOIN pythia_spans AS s ON s.span_id = one.span_id;
-- an empty store, and none at all
PRAGMA integrity_check;
BEGIN;
INSERT INTO pythia(pythia) VALUES('delete-all');
SELECT count(*) FROM pythia_spans WHERE span_id = (SELECT span_id FROM one);
ROLLBACK;
ATTACH ':memory:' AS empty;
SELECT count(*) FROM pythia_spans('empty') WHERE span_id = (SELECT span_id FROM one);
