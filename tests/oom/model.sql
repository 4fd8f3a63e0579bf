-- What settings and rules bring about: regrouping, new names, deletion, commands.
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
SELECT pythia_import('fixtures/formats/jaeger.json') > 0;
SELECT pythia_import('fixtures/formats/xtrace.json') > 0;
-- fail
UPDATE pythia_settings SET value = 'dag' WHERE key = 'grouping';
SELECT count(*), sum(traces) FROM pythia_groups;
UPDATE pythia_settings SET value = 'critical_path' WHERE key = 'grouping';
SELECT count(*), sum(traces), sum(modes) FROM pythia_groups;
DELETE FROM pythia_settings WHERE key = 'grouping';
INSERT INTO pythia_request_types(pattern, request_type, request_end) VALUES ('.', 'any', 'last');
SELECT request_type, sum(traces) FROM pythia_groups GROUP BY 1;
INSERT INTO pythia_name_rules(pattern, replacement) VALUES ('[0-9]+', 'N');
SELECT count(*), count(DISTINCT tracepoint), count(attributes), sum(on_critical_path) FROM pythia_spans;
SELECT count(*), sum(on_critical_path) FROM pythia_edges;
DELETE FROM pythia_traces WHERE spans > 2;
SELECT count(*) FROM pythia_group_edges;
INSERT INTO pythia(pythia) VALUES('rebuild');
INSERT INTO pythia(pythia) VALUES('integrity-check');
BEGIN;
UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping';
SELECT count(*) FROM pythia_groups;
ROLLBACK;
SELECT count(*) FROM pythia_groups;
