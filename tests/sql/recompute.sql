-- Every number that a table shows can be recomputed from another table. Each line below is a comparison that
-- gives 1 where it holds for all rows.
SELECT pythia_import('fixtures/openstack/B_nosql.jsonl.gz');

-- A group's moments, from its members.
SELECT 'groups', count(*), min(
    g.traces = m.n
    AND abs(g.mean_ns - m.mean) <= 1e-9 * m.mean
    AND (m.n < 2 OR abs(g.stddev_ns - m.sd) <= 1e-9 * m.sd)
    AND (m.n < 2 OR abs(g.cov - m.cov) <= 1e-9)
    AND g.min_ns = m.low AND g.max_ns = m.high
    AND abs(g.p50_ns - m.p50) <= 1e-9 * m.p50
    AND abs(g.p95_ns - m.p95) <= 1e-9 * m.p95
    AND g.modes = m.modes)
FROM pythia_groups g JOIN (
    SELECT group_id, count(*) n, avg(duration_ns) mean, stddev_samp(duration_ns) sd, cov(duration_ns) cov,
           min(duration_ns) low, max(duration_ns) high, median(duration_ns) p50,
           percentile(duration_ns, 95) p95, modes(duration_ns) modes
    FROM pythia_group_members GROUP BY 1) m USING (group_id);

-- A group's share of all variance.
SELECT 'group shares', abs(sum(variance_share) - 1) < 1e-9 FROM pythia_groups;
SELECT 'group share', min(abs(variance_share - (traces - 1) * stddev_ns * stddev_ns / total) < 1e-9)
FROM pythia_groups, (SELECT sum((traces - 1) * stddev_ns * stddev_ns) total FROM pythia_groups)
WHERE traces > 1;

-- The critical path of every trace has the length of the request, and its stretches are edges.
SELECT 'paths', count(*), min(duration_ns = (SELECT sum(p.duration_ns) FROM pythia_critical_path(t.trace_id) p))
FROM pythia_traces t;
SELECT 'path edges', min(n = (SELECT count(*) - 1 FROM pythia_critical_path(e.trace_id)))
FROM (SELECT trace_id, sum(on_critical_path) n FROM pythia_edges GROUP BY 1) e;

-- The edges of a group, from its members' paths: each member has a value for each edge, 0 where its path does
-- not have it.
CREATE TEMP TABLE step AS
SELECT m.group_id, m.trace_id, p.tracepoint source, p.phase source_phase,
       lead(p.tracepoint) OVER w destination, lead(p.phase) OVER w destination_phase, p.duration_ns
FROM pythia_group_members m JOIN pythia_critical_path p ON p.trace_id = m.trace_id
WINDOW w AS (PARTITION BY m.trace_id ORDER BY p.position);
DELETE FROM step WHERE destination IS NULL;
CREATE INDEX temp.step_of ON step(trace_id, source, destination);
CREATE TEMP TABLE value AS
SELECT e.group_id, e.position, m.trace_id, m.duration_ns total,
       coalesce((SELECT sum(s.duration_ns) FROM step s
                 WHERE s.trace_id = m.trace_id AND s.source = e.source AND s.source_phase = e.source_phase
                   AND s.destination = e.destination AND s.destination_phase = e.destination_phase), 0) ns
FROM pythia_group_edges e JOIN pythia_group_members m USING (group_id);
SELECT 'edges', count(*), min(
    abs(e.mean_ns - v.mean) <= 1e-9 * v.mean + 1e-6
    AND abs(e.stddev_ns - v.sd) <= 1e-9 * v.sd + 1e-6
    AND abs(e.variance_share - v.share) <= 1e-9
    AND abs(e.mean_share - v.mean / v.total) <= 1e-9
    AND e.n = v.present
    AND e.max_ns = v.high)
FROM pythia_group_edges e JOIN (
    SELECT group_id, position, avg(ns) mean, stddev_samp(ns) sd, avg(total) total, sum(ns > 0) present,
           max(ns) high, covar_samp(ns, total) / var_samp(total) share
    FROM value GROUP BY 1, 2 HAVING count(*) > 1) v USING (group_id, position);
SELECT 'edge shares', min(abs(s - 1) < 1e-9), min(abs(m - 1) < 1e-9)
FROM (SELECT sum(variance_share) s, sum(mean_share) m FROM pythia_group_edges
      WHERE group_id IN (SELECT group_id FROM pythia_groups WHERE traces > 1) GROUP BY group_id);

-- What pythia_traces counts.
SELECT 'counts', min(t.spans = s.n), min(t.services = s.services), min(t.errors = s.errors), min(t.events = e.n)
FROM pythia_traces t
JOIN (SELECT trace_id, count(*) n, count(DISTINCT service) services, sum(status = 'error') errors
      FROM pythia_spans GROUP BY 1) s USING (trace_id)
JOIN (SELECT trace_id, count(*) n FROM pythia_events GROUP BY 1) e USING (trace_id);
-- Self time: in a trace without asynchronous work it sums to the root's duration where children do not overlap.
SELECT 'self', min(self_ns >= 0), min(self_ns <= duration_ns) FROM pythia_spans;
