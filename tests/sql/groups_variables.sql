-- What pythia_cca says can be recomputed from pythia_attributes. Comparisons give 1 where they hold for all rows.
SELECT pythia_import('fixtures/openstack/B_nosql.jsonl.gz');
CREATE TEMP TABLE chosen AS
SELECT group_id, traces FROM pythia_groups WHERE request_type = 'nova-osapi_compute/POST /v2.1/servers' AND traces = 80;
CREATE TEMP TABLE answer AS SELECT * FROM pythia_cca((SELECT group_id FROM chosen));

-- The build semaphore's queue explains the duration, the planned sleep does not.
SELECT key, round(correlation, 3), p_adjusted < 1e-10 FROM answer WHERE rank = 1;
SELECT key, p_adjusted > 0.05 FROM answer WHERE key = 'spawn.planned_s';

-- The same variables as pythia_group_variables has; every member has a value or lacks it.
SELECT 'variables', (SELECT count(*) FROM answer) = count(*),
       (SELECT count(*) FROM (SELECT key, kind, levels, n, missing FROM answer
                              EXCEPT SELECT key, kind, levels, n, missing FROM pythia_group_variables g
                              WHERE g.group_id = chosen.group_id)),
       min(v.n + v.missing = chosen.traces)
FROM chosen JOIN pythia_group_variables v USING (group_id);

-- Attributes that one span of each trace has: n, levels, correlation.
CREATE TEMP TABLE value AS
SELECT a.key, a.value, m.duration_ns FROM pythia_group_members m JOIN pythia_attributes a USING (trace_id)
WHERE m.group_id = (SELECT group_id FROM chosen) AND typeof(a.value) IN ('integer', 'real');
SELECT 'numbers', count(*) > 3, min(a.n = v.n), min(a.levels = v.levels),
       min(a.correlation IS NULL OR abs(a.correlation - v.r) < 1e-9), min(a.loading IS a.correlation)
FROM answer a JOIN (SELECT key, count(*) n, count(DISTINCT value) levels, corr(value, duration_ns) r
                    FROM value GROUP BY key) v USING (key)
WHERE a.kind = 'numeric' AND v.n <= 80;

-- p of Pearson's r, which is that of the one-variable canonical analysis.
SELECT 'p', count(*) > 3, min(abs(ln(a.p_value) - ln(v.p)) < 1e-6)
FROM answer a JOIN (SELECT key, cca(duration_ns, value) ->> '$.p' p FROM value GROUP BY key) v USING (key)
WHERE a.rank IS NOT NULL AND a.kind = 'numeric';

-- Ranked without a gap; adjusted from a p that is never less than that of the variable alone, but for leaders after
-- the first, whose p is that of what they add.
SELECT 'ranked', count(*) > 3, min(rank = place), min(p_adjusted >= before), sum(p_adjusted < p_value) <= 4
FROM (SELECT rank, p_value, p_adjusted, row_number() OVER (ORDER BY rank) place,
             coalesce(lag(p_adjusted) OVER (ORDER BY rank), 0) before FROM answer WHERE rank IS NOT NULL);
SELECT 'first', abs(partial - correlation) < 1e-12, abs(p_adjusted / p_value - (SELECT count(rank) FROM answer)) < 1e-9
FROM answer WHERE rank = 1;

-- The partial correlation of the second given the first, by the formula for three variables.
SELECT 'partial', abs(abs(p.partial) - abs((c.ry2 - c.ry1 * c.r12) / sqrt((1 - c.ry1 * c.ry1) * (1 - c.r12 * c.r12)))) < 1e-9
FROM (SELECT partial FROM answer WHERE rank = 2) p,
     (SELECT corr(y, b) ry2, corr(y, a) ry1, corr(a, b) r12 FROM
        (SELECT m.duration_ns y, x.value a, z.value b FROM pythia_group_members m
         JOIN pythia_attributes x ON x.trace_id = m.trace_id AND x.key = (SELECT key FROM answer WHERE rank = 1)
         JOIN pythia_attributes z ON z.trace_id = m.trace_id AND z.key = (SELECT key FROM answer WHERE rank = 2)
         WHERE m.group_id = (SELECT group_id FROM chosen))) c;

-- Proxies go along with the duration, but stand behind what they are proxies of.
SELECT 'proxies', count(*) > 0, min(p.p_value < 0.05), min(p.rank > o.rank), min(p.p_adjusted > 0.05)
FROM answer p JOIN answer o ON p.note = 'proxy of ' || o.key;
SELECT 'unranked', count(*) > 0, sum(p_value IS NOT NULL AND note NOT LIKE 'copy of %'), sum(note IS NULL)
FROM answer WHERE rank IS NULL;

-- A number of calls, counted by hand.
SELECT 'count', count(*), min(abs(a.correlation - c.r) < 1e-9)
FROM answer a, (SELECT corr(n, duration_ns) r FROM
    (SELECT m.duration_ns, (SELECT count(*) FROM pythia_spans s WHERE s.trace_id = m.trace_id
                            AND s.tracepoint = 'placement/GET /allocations/{id}') n
     FROM pythia_group_members m WHERE m.group_id = (SELECT group_id FROM chosen))) c
WHERE a.kind = 'count' AND a.rank IS NOT NULL AND a.key LIKE '%GET /allocations/{id})';

-- An edge as the response: the semaphore's wait has the same cause.
SELECT key FROM pythia_cca WHERE rank = 1 AND group_id = (SELECT group_id FROM chosen)
    AND response = (SELECT position FROM pythia_group_edges WHERE group_id = (SELECT group_id FROM chosen)
                    ORDER BY variance_share DESC LIMIT 1);

-- Arguments.
SELECT count(*) FROM pythia_cca;
SELECT count(*) FROM pythia_cca('0123456789abcdef', 'x');
SELECT count(*) FROM pythia_cca((SELECT group_id FROM chosen)) WHERE response = 'latency';
SELECT count(*) FROM pythia_cca((SELECT group_id FROM chosen)) WHERE response = 0;
SELECT count(*) FROM pythia_cca('0123456789abcdef');
SELECT count(*) FROM pythia_cca('no group');
SELECT count(*) FROM pythia_cca(NULL);
SELECT count(*) FROM pythia_cca WHERE request_type = 'no such type';
