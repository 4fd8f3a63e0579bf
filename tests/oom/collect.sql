-- Records and cells of a control page into the store, and what was added up out of it. The page stays as it is.
INSERT INTO pythia_backends(name, kind, target) VALUES('p', 'page', 'PAGE');
-- fail
BEGIN;
SELECT pythia_collect() > 20;
SELECT tracepoint, count(*) FROM pythia_spans GROUP BY 1;
SELECT rule_id, tracepoint, request_type, key, n, sum, mean, stddev, min, max, aggregate, missing FROM pythia_aggregates
WHERE window_start_ns IS NULL;
SELECT count(*) > 0, sum(n) FROM pythia_aggregates;
ROLLBACK;
