-- retry
-- The variables of groups and their ranking: sums, counts, categories, copies.
SELECT pythia_import('fixtures/otel-shop/nplus1.otlp.jsonl.gz');
CREATE TABLE g AS SELECT group_id, request_type FROM pythia_groups ORDER BY traces DESC LIMIT 1;
-- fail
SELECT v.* FROM g JOIN pythia_group_variables v USING (group_id);
SELECT c.* FROM g JOIN pythia_cca c USING (group_id);
SELECT c.* FROM g JOIN pythia_cca c ON c.group_id = g.group_id AND c.response = 3;
SELECT c.* FROM g JOIN pythia_cca c USING (request_type);
