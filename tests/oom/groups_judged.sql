-- retry
-- What is made of groups: types, covariances, splits, expectations and what breaks them.
SELECT pythia_import('fixtures/otel-shop/cache.otlp.jsonl.gz');
UPDATE pythia_settings SET value = '2' WHERE key = 'min_samples';
CREATE TABLE g AS SELECT group_id, request_type FROM pythia_groups WHERE request_type = 'frontend/POST /cart';
CREATE TABLE k AS SELECT kind, min(key) AS key FROM g JOIN pythia_group_variables USING (group_id) WHERE levels > 1 GROUP BY 1;
-- fail
SELECT * FROM pythia_types;
SELECT request_type, problem FROM pythia_groups;
SELECT count(*), sum(covariance) FROM pythia_group_covariance JOIN g USING (group_id);
SELECT s.* FROM g, k, pythia_split(g.request_type, k.key) s;
SELECT s.* FROM g, k, pythia_split(g.group_id, k.key, 2) s;
DELETE FROM pythia_expectations;
INSERT INTO pythia_expectations(grouping, metric, threshold, ignore_edge) VALUES ('dag', 'robust_cov', 0.01, 'nothing');
INSERT INTO pythia_expectations(metric, threshold, ignore_edge) VALUES ('p99_ns', 1, 'redis');
SELECT count(*), sum(value) FROM pythia_violations;
SELECT request_type, problem FROM pythia_groups;
SELECT request_type, problem FROM pythia_types;
