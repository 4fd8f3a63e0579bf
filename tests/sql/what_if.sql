-- How long requests would have taken, had an operation taken less time. By hand on one request of 1000 us:
--   short 1100-1300 (beside short 1150-1250), then long 1400-1900 with read 1500-1850 (beside long 1450-1600).
SELECT pythia_import('fixtures/critical-path.csv') > 0;
UPDATE pythia_settings SET value = '0' WHERE key = 'order_tolerance_ns';
CREATE TEMP VIEW seven AS SELECT group_id FROM pythia_traces WHERE trace_id = '00000000000000000000000000000c07';
-- long: 50 behind read, and 100 before it, are its own.
SELECT mean_before_ns / 1000, mean_after_ns / 1000, traces, affected
FROM pythia_what_if('db/long', 20000) JOIN seven USING (group_id);
SELECT mean_after_ns / 1000 FROM pythia_what_if('db/long', 120000) JOIN seven USING (group_id);
SELECT mean_after_ns / 1000 FROM pythia_what_if('db/long', 1000000) JOIN seven USING (group_id);
-- read: without all its 350 long would end at 1550, but now beside long is the last, at 1600.
SELECT mean_after_ns / 1000 FROM pythia_what_if('disk/read', 200000) JOIN seven USING (group_id);
SELECT mean_after_ns / 1000 FROM pythia_what_if('disk/read', 350000) JOIN seven USING (group_id);
-- Off the critical path less time changes nothing, and more only beyond the slack.
SELECT mean_after_ns / 1000, affected FROM pythia_what_if('log/beside long', 100000) JOIN seven USING (group_id);
SELECT mean_after_ns / 1000, affected FROM pythia_what_if('log/beside long', -350000) JOIN seven USING (group_id);
-- A pattern stands for all that match: 100 less for long, and for short, after which only beside short keeps the next
-- call waiting, until 1250.
SELECT mean_after_ns / 1000 FROM pythia_what_if('db/*', 100000) JOIN seven USING (group_id);
-- Only groups in which the trace point occurs have a row.
SELECT count(*) FROM pythia_what_if('db/second', 1);
SELECT count(*) FROM pythia_what_if('no/such', 1);
SELECT * FROM pythia_what_if('db/long', 'much');
SELECT * FROM pythia_what_if('db/long');

-- Real ones: with no change everything is as pythia_groups has it; a group is affected as its members are.
SELECT pythia_import('fixtures/openstack/C4_all.jsonl.gz') > 0;
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
UPDATE pythia_settings SET value = 'auto' WHERE key = 'order_tolerance_ns';
SELECT 'unchanged', count(*) = (SELECT count(*) FROM pythia_groups), min(w.mean_before_ns = w.mean_after_ns),
       min(w.p95_before_ns = w.p95_after_ns), min(abs(w.mean_before_ns - g.mean_ns) < 1e-9 * g.mean_ns + 1e-6),
       min(w.p95_before_ns = g.p95_ns), min(w.traces = g.traces), sum(affected)
FROM pythia_what_if('*', 0) AS w JOIN pythia_groups AS g USING (group_id);
SELECT 'less is never longer', min(mean_after_ns <= mean_before_ns), min(p95_after_ns <= p95_before_ns), sum(affected) > 0
FROM pythia_what_if('*', 100000);
SELECT 'more is never shorter', min(mean_after_ns >= mean_before_ns), sum(affected) > 0 FROM pythia_what_if('*', -100000);
