-- A cycle of the loop that goes back to the skeleton, one that judges, the forest, and the end.
INSERT INTO pythia_backends(name, kind, target) VALUES('any', 'sql', 'printf');
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
DELETE FROM pythia_traces WHERE trace_id NOT IN (SELECT trace_id FROM pythia_traces
    WHERE request_type = 'frontend/POST /checkout' ORDER BY duration_ns DESC LIMIT 4);
INSERT INTO pythia(pythia) VALUES('optimize');
UPDATE pythia_settings SET value = 2 WHERE key = 'min_samples';
SELECT pythia_learn();
SELECT pythia_step(1) > 0;
-- fail
SELECT pythia_step(1900000000000000000);
SELECT cycle, action, tracepoint, reason FROM pythia_decisions WHERE cycle > 1;
SELECT request_type, parent_id, tracepoint, traces FROM pythia_forest;
SELECT pythia_shutdown(1900000000000000001);
