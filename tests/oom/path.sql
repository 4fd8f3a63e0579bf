-- Critical paths, by either set of rules.
SELECT pythia_import('fixtures/critical-path.csv') > 0;
SELECT pythia_import('fixtures/formats/jaeger-traps.json') > 0;
-- fail
SELECT count(*), sum(p.duration_ns) FROM pythia_traces t JOIN pythia_critical_path p ON p.trace_id = t.trace_id;
SELECT count(*), sum(p.duration_ns) FROM pythia_traces t
JOIN pythia_critical_path p ON p.trace_id = t.trace_id AND p.mode = 'crisp';
SELECT count(*), sum(s.slack_ns) FROM pythia_traces t JOIN pythia_slack s ON s.trace_id = t.trace_id;
SELECT count(*), sum(s.drag_ns) FROM pythia_traces t
JOIN pythia_slack s ON s.trace_id = t.trace_id AND s.root = 'db/long';
SELECT count(*), sum(inclusive_ns) FROM pythia_context_tree;
SELECT count(*), sum(inclusive_ns) FROM pythia_context_tree WHERE scope = 'all';
SELECT count(*) FROM pythia_context_tree WHERE request_type = 'web/request';
SELECT count(*), sum(position) FROM (
    SELECT p.position FROM pythia_traces t JOIN pythia_paths p ON p.trace_id = t.trace_id LIMIT 200);
SELECT count(*), sum(mean_after_ns), sum(affected) FROM pythia_what_if('db/*', 50000);
SELECT count(*), sum(p95_after_ns) FROM pythia_what_if('*', -50000);
