-- retry
-- What is made of groups: types, covariances, splits.
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
