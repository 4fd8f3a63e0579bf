-- Types, what structure explains of them, and the covariances of a group's edges. Comparisons give 1 where they
-- hold for all rows.
SELECT count(*) FROM pythia_types; -- without a store
SELECT pythia_import('fixtures/otel-shop/cache.otlp.jsonl.gz') > 0;
SELECT request_type, traces, groups, round(cov, 2), modes, round(structure_share, 2), problem, round(variance_share, 3)
FROM pythia_types;

-- All of it can be recomputed from the members.
CREATE TEMP TABLE member AS
SELECT g.request_type, m.group_id, m.duration_ns * 1.0 AS y FROM pythia_group_members m JOIN pythia_groups g USING (group_id);
CREATE TEMP TABLE type_of AS SELECT * FROM pythia_types;
SELECT 'moments', count(*), min(t.traces = m.n), min(t.groups = m.groups), min(abs(t.mean_ns - m.mean) <= 1e-9 * m.mean),
       min(t.stddev_ns IS m.stddev OR abs(t.stddev_ns - m.stddev) <= 1e-9 * m.stddev),
       min(t.cov IS m.cov OR abs(t.cov - m.cov) < 1e-9)
FROM type_of t JOIN (SELECT request_type, count(*) n, count(DISTINCT group_id) groups, avg(y) mean, stddev_samp(y) stddev,
                            cov(y) cov FROM member GROUP BY 1) m USING (request_type);
SELECT 'structure', count(*), min(abs(t.structure_share - between_groups / total) < 1e-9)
FROM type_of t JOIN
    (SELECT request_type, sum(n * (mean - all_mean) * (mean - all_mean)) between_groups
     FROM (SELECT request_type, group_id, count(*) n, avg(y) mean FROM member GROUP BY 1, 2)
     JOIN (SELECT request_type, avg(y) all_mean FROM member GROUP BY 1) USING (request_type) GROUP BY 1) USING (request_type)
    JOIN (SELECT request_type, var_pop(y) * count(*) total FROM member GROUP BY 1) USING (request_type)
WHERE total > 0;
SELECT 'shares', abs(sum(variance_share) - 1) < 1e-9 FROM type_of;
SELECT 'alone', count(*), min(traces = 1) FROM type_of WHERE stddev_ns IS NULL;
SELECT count(*) FROM pythia_types WHERE request_type = 'frontend/GET /product/:id';

-- With the grouping `type` a group is its type.
UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping';
SELECT 'by type', min(groups = 1), min(structure_share IS NULL OR structure_share = 0),
       sum(t.problem IS NOT g.problem) FROM pythia_types t JOIN pythia_groups g USING (request_type);
DELETE FROM pythia_settings WHERE key = 'grouping';

-- The covariances of a group sum to the variance of its durations, those of an edge to its part of it.
CREATE TEMP TABLE c AS SELECT * FROM pythia_group_covariance;
SELECT 'sum', count(*) > 3, min(abs(s - v) <= 1e-9 * v) FROM
    (SELECT group_id, sum(covariance) s FROM c GROUP BY 1) JOIN
    (SELECT group_id, stddev_ns * stddev_ns v FROM pythia_groups) USING (group_id) WHERE v > 0;
SELECT 'rows', count(*) > 100, max(abs(s / v - variance_share)) < 1e-9 FROM
    (SELECT group_id, position_a AS position, sum(covariance) s FROM c GROUP BY 1, 2) JOIN
    (SELECT group_id, stddev_ns * stddev_ns v FROM pythia_groups) USING (group_id) JOIN
    (SELECT group_id, position, variance_share FROM pythia_group_edges) USING (group_id, position) WHERE v > 0;
SELECT 'symmetric', count(*) > 1000, min(a.covariance IS b.covariance), min(a.correlation IS b.correlation)
FROM c a JOIN c b ON b.group_id = a.group_id AND b.position_a = a.position_b AND b.position_b = a.position_a;
SELECT 'diagonal', count(*) > 100,
       min(abs(c.covariance - e.stddev_ns * e.stddev_ns) <= 1e-9 * c.covariance OR c.covariance IS NULL),
       min(c.correlation IS NULL OR abs(c.correlation - 1) < 1e-12)
FROM c JOIN (SELECT group_id, position, stddev_ns FROM pythia_group_edges) e
    ON e.group_id = c.group_id AND e.position = c.position_a WHERE c.position_a = c.position_b;
SELECT 'bounds', count(*) = sum(covariance IS NULL), sum(correlation IS NOT NULL) FROM c
WHERE group_id IN (SELECT group_id FROM pythia_groups WHERE traces = 1);
SELECT 'one', count(*) FROM pythia_group_covariance
WHERE group_id = (SELECT group_id FROM pythia_groups LIMIT 1) AND position_a = 2 AND position_b = '3';
SELECT 'none', count(*) FROM pythia_group_covariance
WHERE group_id = (SELECT group_id FROM pythia_groups LIMIT 1) AND position_a = 1e9 AND position_b = -1;
