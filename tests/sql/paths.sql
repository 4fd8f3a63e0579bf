-- All maximal paths through the causal order of a trace: from an event that nothing precedes to one that precedes
-- nothing, one step an edge of pythia_edges.
SELECT pythia_import('fixtures/formats/xtrace.json') > 0;
SELECT p.path_no, group_concat(p.tracepoint, ' > ') AS path
FROM pythia_traces AS t JOIN pythia_paths AS p ON p.trace_id = t.trace_id GROUP BY p.path_no;

-- The same from the edges.
WITH RECURSIVE edge AS MATERIALIZED (SELECT DISTINCT trace_id, source_event, destination_event FROM pythia_edges),
way(trace_id, event, path) AS (
    SELECT e.trace_id, e.event_id, '' || e.event_id FROM pythia_events AS e
    WHERE e.event_id NOT IN (SELECT destination_event FROM edge)
    UNION ALL
    SELECT way.trace_id, edge.destination_event, way.path || ' ' || edge.destination_event
    FROM way JOIN edge ON edge.source_event = way.event),
whole AS (SELECT path FROM way WHERE event NOT IN (SELECT source_event FROM edge))
SELECT count(*), sum(path IN (
    SELECT group_concat(event_id, ' ') FROM pythia_traces AS t JOIN pythia_paths AS p ON p.trace_id = t.trace_id
    GROUP BY t.trace_id, p.path_no)) FROM whole;

-- Sixty times two spans beside each other have 2^60 paths. The first ones are there at once.
SELECT writefile('@TMP@/many.csv', 'trace_id,span_id,parent_id,service,operation,start_us,end_us' || char(10) ||
    'feed,1,,web,request,1000,8000' || char(10) || (
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119)
    SELECT group_concat(printf('feed,%d,1,db,%s,%d,%d', i + 2, iif(i % 2, 'right', 'left'), 1001 + i / 2 * 100 + i % 2,
                               1051 + i / 2 * 100), char(10)) FROM n)) > 0;
SELECT pythia_import('@TMP@/many.csv') > 0;
SELECT path_no, count(*), sum(tracepoint = 'db/right') / 2 AS "to the right"
FROM (SELECT * FROM pythia_paths('feed') LIMIT 6 * 122) GROUP BY path_no;
-- A path is a chain in time. (MATERIALIZED, because SQLite would sort before it applies the LIMIT of a subquery.)
WITH p AS MATERIALIZED (SELECT * FROM pythia_paths('feed') LIMIT 5000)
SELECT min(later >= time_ns) FROM (
    SELECT time_ns, lead(time_ns) OVER (PARTITION BY path_no ORDER BY position) AS later FROM p);
SELECT * FROM pythia_paths;
SELECT count(*) FROM pythia_paths('no such trace');
