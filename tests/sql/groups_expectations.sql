-- What is a problem: by the settings, and by expectations.
SELECT count(*) FROM pythia_expectations; -- without a store
SELECT count(*) FROM pythia_violations;
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
CREATE TEMP VIEW found AS SELECT request_type, traces, problem FROM pythia_groups WHERE problem IS NOT NULL;
SELECT * FROM found;
SELECT request_type, problem FROM pythia_types WHERE problem IS NOT NULL;

-- Settings change the answer at once, and a rollback changes it back. The plain figures: cov 0.51.
UPDATE pythia_settings SET value = '0.6' WHERE key = 'cov_threshold';
SELECT count(*) FROM found;
UPDATE pythia_settings SET value = '0.5' WHERE key = 'cov_threshold'; -- above it, but not for certain
SELECT count(*) FROM found;
UPDATE pythia_settings SET value = '0.5' WHERE key = 'confidence';
SELECT * FROM found;
DELETE FROM pythia_settings WHERE key IN ('cov_threshold', 'confidence');
UPDATE pythia_settings SET value = '41' WHERE key = 'min_samples';
SELECT count(*) FROM found;
UPDATE pythia_settings SET value = '5' WHERE key = 'min_samples';
SELECT * FROM found;
BEGIN;
UPDATE pythia_settings SET value = '0' WHERE key IN ('min_stddev_ns', 'share_threshold', 'cov_threshold');
SELECT count(*) = (SELECT count(*) FROM pythia_groups WHERE traces >= 5) FROM found;
ROLLBACK;
SELECT count(*) FROM found;
DELETE FROM pythia_settings;

-- At the confidence 0.5 the definition can be written down.
UPDATE pythia_settings SET value = '0.5' WHERE key = 'confidence';
UPDATE pythia_settings SET value = '2' WHERE key = 'min_samples';
UPDATE pythia_settings SET value = '0.4' WHERE key = 'slow_quantile';
CREATE TEMP TABLE q AS SELECT request_type, percentile(duration_ns, 40) limit_ns FROM pythia_traces WHERE group_id IS NOT NULL GROUP BY 1;
SELECT count(*), sum(problem = 'variation'), sum(problem = 'slow') > 0,
       sum(problem IS NOT CASE WHEN traces >= 2 AND cov > 0.1 AND stddev_ns >= 5e6 AND variance_share >= 0.01 THEN 'variation'
                               WHEN traces >= 2 AND mean_ns > limit_ns THEN 'slow' END)
FROM pythia_groups JOIN q USING (request_type);
DELETE FROM pythia_settings;

-- This type may vary more; what is expected of others does not matter to it.
INSERT INTO pythia_expectations(request_type, metric, threshold) VALUES ('POST /checkout$', 'cov', 1), ('^frontend/GET$', 'cov', 2);
SELECT count(*) FROM found;
SELECT count(*) FROM pythia_types WHERE problem IS NOT NULL;
SELECT count(*) FROM pythia_violations;
UPDATE pythia_expectations SET threshold = 0.3 WHERE request_type = 'POST /checkout$';
SELECT * FROM found;
SELECT expectation, request_type, grouping, traces, metric, round(value, 2), threshold, problem FROM pythia_violations;
SELECT group_id = (SELECT group_id FROM pythia_groups LIMIT 1) FROM pythia_violations;
DELETE FROM pythia_expectations;

-- An upper limit for a level makes a group slow; variation, which the settings find, wins.
INSERT INTO pythia_expectations(metric, threshold) VALUES ('p95_ns', 50e6);
SELECT * FROM found;
SELECT request_type, problem, metric, format_ns(value), format_ns(threshold) FROM pythia_violations;
UPDATE pythia_settings SET value = '1' WHERE key = 'cov_threshold';
SELECT * FROM found;
DELETE FROM pythia_settings;
DELETE FROM pythia_expectations;

-- Without the time at the pool nothing is left to blame.
INSERT INTO pythia_expectations(request_type, ignore_edge) VALUES (NULL, '^checkout/pool\.acquire start -> ');
SELECT count(*) FROM found;
SELECT count(*) FROM pythia_types WHERE problem IS NOT NULL;
INSERT INTO pythia_expectations(request_type, metric, threshold, ignore_edge)
VALUES ('checkout', 'stddev_ns', 1e6, 'pool\.acquire start'), ('checkout', 'stddev_ns', 50e6, 'pool\.acquire start');
SELECT metric, threshold, value < 20e6 FROM pythia_violations;
SELECT abs(v.value - s.s) <= 1e-9 * s.s FROM pythia_violations v,
    (SELECT stddev_samp(m.duration_ns - e.wait) s FROM pythia_group_members m JOIN
        (SELECT t.trace_id, sum(p.duration_ns) wait FROM pythia_traces t JOIN pythia_critical_path p USING (trace_id)
         WHERE tracepoint = 'checkout/pool.acquire' AND phase = 'start' GROUP BY 1) e USING (trace_id)
     WHERE m.group_id = (SELECT group_id FROM pythia_groups LIMIT 1)) s;
DELETE FROM pythia_expectations;

-- Other groupings than the one set.
UPDATE pythia_settings SET value = '5' WHERE key = 'min_samples';
INSERT INTO pythia_expectations(grouping, metric, threshold)
VALUES ('type', 'cov', 0.5), ('services', 'cov', 0.5), ('critical_path', 'max_ns', 350e6), ('dag', 'max_ns', 350e6);
SELECT expectation, request_type, grouping, group_id IS NULL, traces, metric FROM pythia_violations
WHERE request_type GLOB '*checkout' AND grouping IN ('type', 'services');
SELECT grouping, count(*) > 0, min(traces >= 5), min(value > 350e6) FROM pythia_violations WHERE metric = 'max_ns' GROUP BY 1;
SELECT request_type, problem FROM pythia_types WHERE problem IS NOT NULL;
UPDATE pythia_settings SET value = 'services' WHERE key = 'grouping';
SELECT group_id = (SELECT group_id FROM pythia_groups LIMIT 1) FROM pythia_violations
WHERE grouping = 'services' AND request_type GLOB '*checkout';
DELETE FROM pythia_settings;
DELETE FROM pythia_expectations;

-- Refused.
INSERT INTO pythia_expectations(request_type) VALUES ('x');
INSERT INTO pythia_expectations(request_type, threshold) VALUES ('(', 1);
INSERT INTO pythia_expectations(request_type, threshold) VALUES ('', 1);
INSERT INTO pythia_expectations(ignore_edge) VALUES ('[');
INSERT INTO pythia_expectations(grouping, threshold) VALUES ('colour', 1);
INSERT INTO pythia_expectations(metric, threshold) VALUES ('speed', 1);
INSERT INTO pythia_expectations(metric) VALUES ('p95_ns');
INSERT INTO pythia_expectations(metric, threshold) VALUES ('cov', -1);
INSERT INTO pythia_expectations(metric, threshold) VALUES ('cov', 'much');
SELECT count(*) FROM pythia_expectations;
