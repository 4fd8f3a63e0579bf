-- The same trace in several formats gives the same rows, whatever the file.
CREATE TEMP VIEW span AS
SELECT trace_id, span_id, parent_id, service, operation, kind, instance, start_ns, duration_ns, self_ns, depth,
    children, status, on_critical_path, tracepoint, attributes FROM pythia_spans;
CREATE TEMP VIEW event AS
SELECT trace_id, span_id, tracepoint, phase, service, operation, instance, time_ns, on_critical_path, attributes
FROM pythia_events;
SELECT pythia_import('fixtures/formats/otlp.jsonl');
CREATE TEMP TABLE json_span AS SELECT * FROM span;
CREATE TEMP TABLE json_event AS SELECT * FROM event;
INSERT INTO pythia(pythia) VALUES('delete-all');

SELECT pythia_import('fixtures/formats/otlp.pb');
SELECT count(*), (SELECT count(*) FROM json_span), (SELECT count(*) FROM (SELECT * FROM span INTERSECT SELECT * FROM json_span)) FROM span;
SELECT count(*), (SELECT count(*) FROM json_event), (SELECT count(*) FROM (SELECT * FROM event INTERSECT SELECT * FROM json_event)) FROM event;
INSERT INTO pythia(pythia) VALUES('delete-all');

SELECT pythia_import('fixtures/formats/otlp.jsonl.zst');
SELECT count(*), (SELECT count(*) FROM (SELECT * FROM span INTERSECT SELECT * FROM json_span)) FROM span;
SELECT count(*), (SELECT count(*) FROM (SELECT * FROM event INTERSECT SELECT * FROM json_event)) FROM event;
INSERT INTO pythia(pythia) VALUES('delete-all');

-- Zipkin knows addresses instead of hosts, and texts alone.
SELECT pythia_import('fixtures/formats/zipkin.json');
SELECT count(*), (SELECT count(*) FROM (
    SELECT trace_id, span_id, parent_id, service, operation, kind, start_ns, duration_ns, self_ns, depth, children, status FROM span
    INTERSECT
    SELECT trace_id, span_id, parent_id, service, operation, kind, start_ns, duration_ns, self_ns, depth, children, status FROM json_span))
FROM span;
SELECT service, instance, operation FROM span ORDER BY start_ns;
SELECT file, format, traces, spans, rejected FROM pythia_imports;
