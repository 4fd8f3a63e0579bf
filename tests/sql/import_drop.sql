-- The setting drop_attributes: what an import is not to keep.
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
SELECT key, count(*) FROM pythia_spans, json_each(attributes) GROUP BY key ORDER BY key;
SELECT key, count(*) FROM pythia_events, json_each(attributes) GROUP BY key ORDER BY key;
INSERT INTO pythia(pythia) VALUES('delete-all');
UPDATE pythia_settings SET value = 'http.*,host.name,slot' WHERE key = 'drop_attributes';
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
SELECT key, count(*) FROM pythia_spans, json_each(attributes) GROUP BY key ORDER BY key;
SELECT key, count(*) FROM pythia_events, json_each(attributes) GROUP BY key ORDER BY key;
INSERT INTO pythia(pythia) VALUES('integrity-check');

-- With nothing left that anything could have.
INSERT INTO pythia(pythia) VALUES('delete-all');
UPDATE pythia_settings SET value = '*' WHERE key = 'drop_attributes';
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
SELECT DISTINCT service, instance, attributes FROM pythia_spans;
INSERT INTO pythia(pythia) VALUES('integrity-check');
