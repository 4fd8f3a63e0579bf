-- causality = 'learned': siblings are in order only where no trace contradicts that they are.
SELECT writefile('@TMP@/shop.csv', 'trace_id,span_id,parent_id,service,operation,start_ns,end_ns
t1,r,,shop,order,1000,2000
t1,a,r,shop,stock,1000,1100
t1,b,r,shop,price,1100,1300
t1,c,r,shop,ads,1300,1900
t2,r,,shop,order,1000,2000
t2,c,r,shop,ads,1000,1200
t2,a,r,shop,stock,1200,1300
t2,b,r,shop,price,1300,1950
') > 0, pythia_import('@TMP@/shop.csv', '{"format":"csv"}');
UPDATE pythia_settings SET value = 0 WHERE key = 'order_tolerance_ns';
-- Stock comes before price; ads come before or after, and wait for nothing.
SELECT before, after, support, contradicted FROM pythia_dependencies;
SELECT trace_id, group_concat(source || ' > ' || destination, ', ') FROM (SELECT * FROM pythia_edges WHERE kind = 'sequence' AND source <> destination ORDER BY start_ns, source) GROUP BY trace_id;
UPDATE pythia_settings SET value = 'learned' WHERE key = 'causality';
SELECT trace_id, group_concat(source || ' > ' || destination, ', ') FROM (SELECT * FROM pythia_edges WHERE kind = 'sequence' AND source <> destination ORDER BY start_ns, source) GROUP BY trace_id;
-- So what they took is on the critical path, up to the start of the parent.
SELECT t.trace_id, p.tracepoint, p.phase, p.duration_ns FROM pythia_traces t JOIN pythia_critical_path p USING (trace_id) ORDER BY t.trace_id, position;
SELECT sum(duration_ns), (SELECT sum(duration_ns) FROM pythia_traces) FROM (SELECT p.duration_ns FROM pythia_traces t JOIN pythia_critical_path p USING (trace_id));

-- A trace that comes later can contradict, and taken away again it does no longer.
CREATE TEMP VIEW order_of AS SELECT trace_id, group_concat(source || ' > ' || destination, ', ') AS edges FROM (SELECT * FROM pythia_edges WHERE kind = 'sequence' AND source <> destination ORDER BY start_ns, source) GROUP BY trace_id;
CREATE TEMP VIEW group_of AS SELECT source, source_phase, destination, destination_phase, n, mean_ns FROM pythia_group_edges ORDER BY position;
CREATE TEMP TABLE first AS SELECT * FROM group_of;
SELECT writefile('@TMP@/more.csv', 'trace_id,span_id,parent_id,service,operation,start_ns,end_ns
t3,r,,shop,order,1000,2000
t3,a,r,shop,stock,1000,1100
t3,b,r,shop,price,1050,1300
t3,c,r,shop,ads,1300,1350
') > 0, pythia_import('@TMP@/more.csv', '{"format":"csv"}');
SELECT * FROM order_of;
INSERT INTO pythia(pythia) VALUES ('integrity-check');
DELETE FROM pythia_traces WHERE trace_id = 't3';
SELECT * FROM order_of;
INSERT INTO pythia(pythia) VALUES ('integrity-check');
SELECT (SELECT count(*) FROM first) > 3, (SELECT count(*) FROM (SELECT * FROM first EXCEPT SELECT * FROM group_of)), (SELECT count(*) FROM (SELECT * FROM group_of EXCEPT SELECT * FROM first));

-- In whatever order captures come, the same is learned. Groups, edges and paths follow.
INSERT INTO pythia(pythia) VALUES ('delete-all');
DELETE FROM pythia_settings WHERE key = 'order_tolerance_ns';
ATTACH ':memory:' AS other;
SELECT pythia_init('other');
UPDATE pythia_settings SET value = 'learned' WHERE key = 'causality' AND schema = 'other';
SELECT pythia_import('fixtures/otel-shop/' || column1 || '.otlp.jsonl.gz') > 0, pythia_import('fixtures/otel-shop/' || column2 || '.otlp.jsonl.gz', '{"schema":"other"}') > 0 FROM (VALUES ('pool', 'nplus1'), ('cache', 'none'), ('none', 'cache'), ('nplus1', 'pool'));
CREATE TEMP VIEW a_trace AS SELECT trace_id, duration_ns, group_id FROM pythia_traces;
CREATE TEMP VIEW b_trace AS SELECT trace_id, duration_ns, group_id FROM pythia_traces('other');
SELECT count(*), (SELECT count(*) FROM (SELECT * FROM a_trace EXCEPT SELECT * FROM b_trace)), (SELECT count(*) FROM (SELECT * FROM b_trace EXCEPT SELECT * FROM a_trace)) FROM a_trace;
CREATE TEMP VIEW a_edge AS SELECT trace_id, source, destination, kind, start_ns, duration_ns, on_critical_path FROM pythia_edges;
CREATE TEMP VIEW b_edge AS SELECT trace_id, source, destination, kind, start_ns, duration_ns, on_critical_path FROM pythia_edges('other');
SELECT count(*) > 5000, (SELECT count(*) FROM (SELECT * FROM a_edge EXCEPT SELECT * FROM b_edge)), (SELECT count(*) FROM (SELECT * FROM b_edge EXCEPT SELECT * FROM a_edge)) FROM a_edge;
CREATE TEMP VIEW a_group AS SELECT group_id, source, source_phase, destination, destination_phase, kind, n, mean_ns, variance_share FROM pythia_group_edges;
CREATE TEMP VIEW b_group AS SELECT group_id, source, source_phase, destination, destination_phase, kind, n, mean_ns, variance_share FROM pythia_group_edges('other');
SELECT count(*) > 50, (SELECT count(*) FROM (SELECT * FROM a_group EXCEPT SELECT * FROM b_group)), (SELECT count(*) FROM (SELECT * FROM b_group EXCEPT SELECT * FROM a_group)) FROM a_group;
INSERT INTO pythia(pythia) VALUES ('integrity-check');
SELECT max(abs(share - 1)) < 1e-9 FROM (SELECT sum(variance_share) AS share FROM pythia_group_edges GROUP BY group_id);
-- The cause is still found.
SELECT source, destination, round(variance_share, 2) FROM pythia_group_edges WHERE group_id = (SELECT group_id FROM pythia_groups WHERE request_type = 'frontend/POST /checkout' ORDER BY traces DESC LIMIT 1) ORDER BY variance_share DESC LIMIT 1;
-- And back.
DELETE FROM pythia_settings WHERE key = 'causality';
SELECT count(*) FROM pythia_xconfig WHERE k = 'learned';
