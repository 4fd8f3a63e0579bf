-- retry
-- What is expected of groups, and what breaks it. The first statement takes back what a run before has done.
SELECT pythia_import('fixtures/otel-shop/cache.otlp.jsonl.gz');
UPDATE pythia_settings SET value = '2' WHERE key = 'min_samples';
-- fail
DELETE FROM pythia_expectations;
INSERT INTO pythia_expectations(grouping, metric, threshold, ignore_edge) VALUES ('dag', 'robust_cov', 0.01, 'nothing');
INSERT INTO pythia_expectations(metric, threshold, ignore_edge) VALUES ('p99_ns', 1, 'redis');
SELECT count(*), sum(value) FROM pythia_violations;
SELECT request_type, problem FROM pythia_groups;
SELECT request_type, problem FROM pythia_types;
