-- The store: deleting, merging, checking, emptying; making and dropping one in another schema.
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
-- fail
SELECT segments, traces, spans, points, links FROM pythia;
DELETE FROM pythia_traces WHERE rowid IN (SELECT rowid FROM pythia_traces LIMIT 1);
INSERT INTO pythia(pythia) VALUES('integrity-check');
INSERT INTO pythia(pythia) VALUES('optimize');
SELECT count(*), sum(duration_ns), count(attributes) FROM pythia_spans;
SELECT count(attributes), sum(duration_ns) FROM pythia_spans WHERE span_id = (SELECT max(span_id) FROM pythia_spans);
CREATE VIRTUAL TABLE temp.pythia USING pythia;
INSERT INTO temp.pythia(pythia) VALUES('merge 3');
DROP TABLE temp.pythia;
BEGIN;
INSERT INTO pythia(pythia) VALUES('delete-all');
SELECT segments, traces, spans FROM pythia;
ROLLBACK;
SELECT segments, traces, deleted FROM pythia;
PRAGMA integrity_check;
