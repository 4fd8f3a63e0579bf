-- The critical path by the rules of CRISP, on traces small enough to check by hand. Times are in microseconds;
-- each request lasts from 1000 to 2000.
SELECT pythia_import('fixtures/critical-path.csv') > 0;
CREATE TEMP VIEW cut AS
SELECT substr(t.trace_id, -2) AS trace, s.position AS at, substr(s.span_id, -1) AS span, s.tracepoint, s.fate,
       s.start_ns / 1000 AS start, s.duration_ns / 1000 AS lasts, s.exclusive_ns / 1000 AS exclusive,
       s.drag_ns / 1000 AS drag, s.exclusive_drag_ns / 1000 AS exclusive_drag, s.slack_ns / 1000 AS slack
FROM pythia_traces AS t JOIN pythia_slack AS s ON s.trace_id = t.trace_id;

-- 01: children are cut to the request. One that begins before it and ends after it is dropped, and so are those
-- that only touch it; and what is below them.
SELECT span, tracepoint, fate, start, lasts, at, exclusive FROM cut WHERE trace = '01' ORDER BY span;

-- 02: two that touch follow each other.  03: a third end at that instant, and neither counts as before.
-- 04: they may overlap by less than a hundredth of the parent; 05: and not by a hundredth.
SELECT trace, group_concat(span || ' ' || exclusive, ', ') AS path, sum(exclusive)
FROM (SELECT * FROM cut WHERE at > 0 AND trace BETWEEN '02' AND '05' ORDER BY trace, at) GROUP BY trace;

-- 06: a server span that is the only child of a client span is not cut while it lasts at most 1.01 times as long.
SELECT span, tracepoint, fate, start, lasts FROM cut WHERE trace = '06' AND span IN ('c', 'e');

-- 07: drag and slack. `long` could lose 300 before `beside long`, which ends at 1600, would be the last to end; of
-- its own time 50, because that is what comes after `read`. `beside short` could start 100 later and still end
-- with `short`. `beside long` could begin at 1250, when the last sibling that began before it had ended, or at 1750
-- and still end with `long`.
SELECT at, span, tracepoint, lasts, exclusive, drag, exclusive_drag, slack FROM cut WHERE trace = '07' ORDER BY start;

-- The path itself, in CRISP's order.
SELECT position, substr(span_id, -1) AS span, tracepoint, phase, time_ns / 1000, duration_ns / 1000, synthetic
FROM pythia_critical_path('00000000000000000000000000000c01', 'crisp');
-- From another root: what takes the time of `long`?
SELECT position, tracepoint, duration_ns / 1000
FROM pythia_critical_path('00000000000000000000000000000c07', 'crisp', 'db/long');
SELECT tracepoint, exclusive_ns / 1000, slack_ns / 1000, fate
FROM pythia_slack('00000000000000000000000000000c07', 'db/long') ORDER BY tracepoint;
SELECT count(*) FROM pythia_slack('00000000000000000000000000000c07', 'no/such');

-- An event DAG has no durations: of its tree only the root is left.
SELECT pythia_import('fixtures/formats/xtrace.json') > 0;
SELECT count(*), sum(exclusive_ns), sum(fate = 'dropped')
FROM pythia_slack((SELECT trace_id FROM pythia_traces WHERE root_service <> 'web' LIMIT 1));

SELECT * FROM pythia_critical_path('00000000000000000000000000000c07', 'fast');
SELECT * FROM pythia_critical_path('00000000000000000000000000000c07', 'default', 'db/long');
SELECT * FROM pythia_slack;
