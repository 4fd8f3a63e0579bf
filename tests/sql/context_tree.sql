-- The calling context tree: where the time of many requests goes, by call path. The first lines read like a profile;
-- the others compute the same sums from other tables and give 1 where all agree.
SELECT pythia_import('fixtures/critical-path.csv') > 0;
UPDATE pythia_settings SET value = '0' WHERE key = 'order_tolerance_ns';
SELECT node_id, parent_id, printf('%.*c%s', 2 * depth + 1, ' ', tracepoint) AS tree, traces, count,
       inclusive_ns / 1000 AS inclusive, exclusive_ns / 1000 AS exclusive
FROM pythia_context_tree(NULL) -- a NULL gives nothing, as everywhere
UNION ALL
SELECT node_id, parent_id, printf('%.*c%s', 2 * depth + 1, ' ', tracepoint), traces, count, inclusive_ns / 1000,
       exclusive_ns / 1000
FROM pythia_context_tree
WHERE group_id = (SELECT group_id FROM pythia_traces WHERE trace_id = '00000000000000000000000000000c07');
SELECT tracepoint, depth, traces, count, inclusive_ns / 1000, exclusive_ns / 1000
FROM pythia_context_tree WHERE request_type = 'web/request' AND scope = 'all' AND depth < 2 ORDER BY tracepoint LIMIT 5;
SELECT count(*) FROM pythia_context_tree('ffffffffffffffff');
SELECT count(*) FROM pythia_context_tree WHERE request_type = 'no such type';
SELECT * FROM pythia_context_tree WHERE scope = 'some';

-- Larger ones: spans with coarse clocks and a tolerance, requests that last until their last event, and a DAG.
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
SELECT pythia_import('fixtures/openstack/C4_all.jsonl.gz') > 0;
SELECT pythia_import('fixtures/formats/xtrace.json') > 0;

CREATE TEMP TABLE step AS
SELECT t.trace_id, t.group_id, p.position, p.tracepoint, p.in_span, p.duration_ns,
       lead(p.tracepoint) OVER (PARTITION BY t.trace_id ORDER BY p.position) AS next
FROM pythia_traces AS t JOIN pythia_critical_path AS p ON p.trace_id = t.trace_id WHERE t.group_id IS NOT NULL;
CREATE TEMP TABLE span AS
SELECT s.trace_id, s.span_id, s.parent_id, s.tracepoint, s.duration_ns, s.self_ns, s.kind
FROM pythia_spans AS s JOIN pythia_traces AS t USING (trace_id) WHERE t.group_id IS NOT NULL;
CREATE INDEX temp.span_of ON span(trace_id, parent_id);
CREATE TEMP TABLE call AS
WITH RECURSIVE call(trace_id, span_id, path, duration_ns, self_ns) AS (
    SELECT trace_id, span_id, tracepoint, duration_ns, self_ns FROM span
    WHERE parent_id IS NULL OR (trace_id, parent_id) NOT IN (SELECT trace_id, span_id FROM span)
    UNION ALL
    SELECT s.trace_id, s.span_id, call.path || ' > ' || s.tracepoint, s.duration_ns, s.self_ns
    FROM call JOIN span AS s ON s.trace_id = call.trace_id AND s.parent_id = call.span_id)
SELECT * FROM call;
CREATE INDEX temp.call_of ON call(trace_id, span_id);
-- What a node of either tree is called.
CREATE TEMP TABLE node AS
SELECT 'path' AS scope, * FROM pythia_context_tree UNION ALL SELECT 'all', * FROM pythia_context_tree WHERE scope = 'all';
CREATE TEMP TABLE tree AS
WITH RECURSIVE named(scope, node_id, path, traces, count, inclusive_ns, exclusive_ns) AS (
    SELECT scope, node_id, tracepoint, traces, count, inclusive_ns, exclusive_ns FROM node WHERE parent_id IS NULL
    UNION ALL
    SELECT scope, n.node_id, named.path || ' > ' || n.tracepoint, n.traces, n.count, n.inclusive_ns, n.exclusive_ns
    FROM named JOIN node AS n USING (scope) WHERE n.parent_id = named.node_id)
SELECT * FROM named;

-- On paths: exclusive times are the stretches of pythia_critical_path, by the call path of the span they lie in.
-- In a DAG, which has no such spans, a stretch belongs to the pair of its events.
CREATE TEMP TABLE stretch AS
SELECT step.trace_id, coalesce(call.path, step.tracepoint || ' > ' || step.next) AS path,
       coalesce(step.in_span, step.position) AS span, step.duration_ns
FROM step LEFT JOIN call ON call.trace_id = step.trace_id AND call.span_id = step.in_span
WHERE step.duration_ns IS NOT NULL;
SELECT 'path', min(t.exclusive_ns = s.ns), min(t.traces = s.traces), min(t.count = s.spans), count(*) > 100
FROM tree AS t JOIN (
    SELECT path, sum(duration_ns) AS ns, count(DISTINCT trace_id) AS traces, count(DISTINCT trace_id || span) AS spans
    FROM stretch GROUP BY path) AS s USING (path) WHERE t.scope = 'path';
SELECT 'nothing is missing', (SELECT sum(exclusive_ns) FROM pythia_context_tree) = (SELECT sum(duration_ns) FROM stretch),
       (SELECT sum(duration_ns) FROM stretch) = (SELECT sum(duration_ns) FROM pythia_group_members),
       (SELECT sum(inclusive_ns) FROM pythia_context_tree WHERE parent_id IS NULL) =
       (SELECT sum(duration_ns) FROM pythia_group_members);
SELECT 'inclusive', min(inclusive_ns = exclusive_ns + below) FROM (
    SELECT t.*, coalesce((SELECT sum(inclusive_ns) FROM node AS c WHERE c.scope = 'path' AND c.parent_id = t.node_id), 0) AS below
    FROM node AS t WHERE t.scope = 'path');

-- All spans: durations and self times of pythia_spans.
SELECT 'all', min(t.inclusive_ns = s.ns), min(t.exclusive_ns = s.self), min(t.traces = s.traces),
       min(t.count = s.spans), count(*) > 100
FROM tree AS t JOIN (
    SELECT path, sum(duration_ns) AS ns, sum(self_ns) AS self, count(DISTINCT trace_id) AS traces, count(*) AS spans
    FROM call GROUP BY path) AS s USING (path) WHERE t.scope = 'all';
SELECT 'all of them', sum(count) = (SELECT count(*) FROM span) FROM pythia_context_tree WHERE scope = 'all';

-- The trees of the groups add up to that of their request type.
SELECT 'groups', sum(ns) = (SELECT sum(exclusive_ns) FROM pythia_context_tree) FROM (
    SELECT (SELECT sum(exclusive_ns) FROM pythia_context_tree(g.group_id)) AS ns FROM pythia_groups AS g);
SELECT 'types', sum(ns) = (SELECT sum(exclusive_ns) FROM pythia_context_tree) FROM (
    SELECT (SELECT sum(exclusive_ns) FROM pythia_context_tree AS c WHERE c.request_type = g.request_type) AS ns
    FROM (SELECT DISTINCT request_type FROM pythia_groups) AS g);
