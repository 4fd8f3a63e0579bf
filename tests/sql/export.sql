-- file
-- What is written can be read back. OTLP keeps everything of every format: the same traces, spans, events,
-- attributes, edges and critical paths. The copy is imported into a second database.
ATTACH '@TMP@/copy.db' AS copy;
SELECT pythia_import('fixtures/formats/' || column1) FROM (VALUES ('otlp-traps.jsonl'), ('jaeger-traps.json'), ('zipkin.json'),
    ('osprofiler-report.json'), ('osprofiler-traps.json'), ('xtrace.json'), ('chrome.json'), ('spans.csv'));
SELECT pythia_export('@TMP@/all.jsonl', 'otlp') = count(*) FROM pythia_traces;
SELECT pythia_import('@TMP@/all.jsonl', '{"schema":"copy"}') > 0;

-- What is only in one of them. Counts of repetitions that were dropped are gone with them.
CREATE TEMP VIEW a_trace AS SELECT trace_id, request_type, root_service, start_ns, duration_ns, end_ns, root_duration_ns,
    spans, events, services, errors, status, group_id, repeat_max FROM pythia_traces;
CREATE TEMP VIEW b_trace AS SELECT trace_id, request_type, root_service, start_ns, duration_ns, end_ns, root_duration_ns,
    spans, events, services, errors, status, group_id, repeat_max FROM pythia_traces('copy');
SELECT 'traces', count(*) FROM a_trace;
SELECT * FROM (SELECT 'lost', * FROM (SELECT * FROM a_trace EXCEPT SELECT * FROM b_trace)
    UNION ALL SELECT 'new', * FROM (SELECT * FROM b_trace EXCEPT SELECT * FROM a_trace));
CREATE TEMP VIEW a_span AS SELECT trace_id, span_id, parent_id, service, operation, kind, instance, start_ns, duration_ns,
    self_ns, depth, children, status, on_critical_path, tracepoint FROM pythia_spans;
CREATE TEMP VIEW b_span AS SELECT trace_id, span_id, parent_id, service, operation, kind, instance, start_ns, duration_ns,
    self_ns, depth, children, status, on_critical_path, tracepoint FROM pythia_spans('copy');
SELECT 'spans', count(*) FROM a_span;
SELECT * FROM (SELECT 'lost', * FROM (SELECT * FROM a_span EXCEPT SELECT * FROM b_span)
    UNION ALL SELECT 'new', * FROM (SELECT * FROM b_span EXCEPT SELECT * FROM a_span));
CREATE TEMP VIEW a_event AS SELECT trace_id, span_id, tracepoint, phase, instance, time_ns, on_critical_path FROM pythia_events;
CREATE TEMP VIEW b_event AS SELECT trace_id, span_id, tracepoint, phase, instance, time_ns, on_critical_path FROM pythia_events WHERE schema = 'copy';
SELECT 'events', count(*) FROM a_event;
SELECT * FROM (SELECT 'lost', * FROM (SELECT * FROM a_event EXCEPT SELECT * FROM b_event)
    UNION ALL SELECT 'new', * FROM (SELECT * FROM b_event EXCEPT SELECT * FROM a_event));
CREATE TEMP VIEW a_edge AS SELECT trace_id, source, destination, kind, start_ns, duration_ns, on_critical_path, count(*) FROM pythia_edges GROUP BY 1, 2, 3, 4, 5, 6, 7;
CREATE TEMP VIEW b_edge AS SELECT trace_id, source, destination, kind, start_ns, duration_ns, on_critical_path, count(*) FROM pythia_edges('copy') GROUP BY 1, 2, 3, 4, 5, 6, 7;
SELECT 'edges', count(*) FROM a_edge;
SELECT * FROM (SELECT 'lost', * FROM (SELECT * FROM a_edge EXCEPT SELECT * FROM b_edge)
    UNION ALL SELECT 'new', * FROM (SELECT * FROM b_edge EXCEPT SELECT * FROM a_edge));
-- The service and the instance that other formats have places for become attributes of the resource.
CREATE TEMP VIEW a_attribute AS SELECT trace_id, span_id, key, type, value FROM pythia_attributes;
CREATE TEMP VIEW b_attribute AS SELECT trace_id, span_id, key, type, value FROM pythia_attributes('copy');
SELECT 'attributes', count(*) FROM a_attribute;
SELECT * FROM (SELECT 'lost', * FROM (SELECT * FROM a_attribute EXCEPT SELECT * FROM b_attribute)
    UNION ALL SELECT 'new', * FROM (SELECT * FROM b_attribute EXCEPT SELECT * FROM a_attribute))
    WHERE key NOT IN ('service.name', 'service.instance.id');

-- Jaeger's JSON keeps spans and their order of a span tree; kind and status stand in tags, where its reader leaves them.
INSERT INTO pythia(pythia) VALUES ('delete-all');
DETACH copy;
ATTACH '@TMP@/copy2.db' AS copy;
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz'), pythia_import('fixtures/formats/otlp-traps.jsonl');
SELECT pythia_export('@TMP@/pool.json.zst', 'jaeger', 'SELECT trace_id FROM pythia_traces WHERE status = ''complete''');
SELECT pythia_import('@TMP@/pool.json.zst', '{"schema":"copy"}') > 0;
SELECT 'traces', count(*) FROM b_trace;
SELECT count(*) FROM (SELECT * FROM b_trace EXCEPT SELECT * FROM a_trace);
SELECT count(*) FROM (SELECT * FROM b_span EXCEPT SELECT * FROM a_span);
SELECT count(*) FROM (SELECT * FROM b_event EXCEPT SELECT * FROM a_event);
SELECT count(*) FROM (SELECT * FROM b_edge EXCEPT SELECT * FROM a_edge);
SELECT DISTINCT key FROM (SELECT * FROM b_attribute WHERE type <> 'text' EXCEPT SELECT * FROM a_attribute);
SELECT DISTINCT key FROM (SELECT trace_id, span_id, key, value FROM b_attribute EXCEPT SELECT trace_id, span_id, key, value FROM a_attribute);

-- Chrome's format has slices instead of spans: the same names, times and arguments; ids are arguments.
INSERT INTO pythia(pythia) VALUES ('delete-all');
DETACH copy;
ATTACH '@TMP@/copy3.db' AS copy;
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0, pythia_import('fixtures/otel-shop/nplus1.otlp.jsonl.gz') > 0;
SELECT pythia_export('@TMP@/pool.trace.json.gz', 'chrome');
SELECT pythia_import('@TMP@/pool.trace.json.gz', '{"schema":"copy"}') > 0;
CREATE TEMP TABLE back AS SELECT attributes->>'trace_id' AS trace_id, attributes->>'span_id' AS span_id, service, operation, start_ns, duration_ns,
    attributes->>'cat' AS kind, attributes->>'parent_id' AS parent_id FROM pythia_spans('copy');
CREATE TEMP TABLE span AS SELECT trace_id, span_id, service, operation, start_ns, duration_ns, kind, parent_id FROM pythia_spans;
SELECT count(*), (SELECT count(*) FROM (SELECT * FROM span EXCEPT SELECT * FROM back)), (SELECT count(*) FROM (SELECT * FROM back EXCEPT SELECT * FROM span)) FROM span;
-- Slices of a thread lie in each other or apart, and a slice lies in none but its ancestors.
SELECT pythia_export('@TMP@/pool.trace.json', 'chrome', 'SELECT trace_id FROM pythia_traces ORDER BY spans DESC LIMIT 30');
CREATE TEMP TABLE event AS SELECT value->>'ph' AS ph, value->>'tid' AS tid, value->>'ts' AS ts, round(value->>'ts' + (value->>'dur'), 3) AS until,
    value->'args'->>'span_id' AS id, value->'args'->>'parent_id' AS parent_id, value->>'cat' AS cat FROM json_each(readfile('@TMP@/pool.trace.json'), '$.traceEvents');
CREATE INDEX temp.event_tid ON event(tid, ts);
CREATE TEMP TABLE overlap AS SELECT a.id AS outer_id, b.id AS inner_id, b.until <= a.until AS nested
    FROM event a JOIN event b ON b.tid = a.tid AND b.ph = 'X' AND b.ts >= a.ts AND b.ts < a.until AND b.id <> a.id AND (b.ts > a.ts OR b.until < a.until)
    WHERE a.ph = 'X';
SELECT count(*) > 500, sum(NOT nested) FROM overlap;
WITH RECURSIVE up(inner_id, outer_id, at) AS (
    SELECT inner_id, outer_id, parent_id FROM overlap JOIN event ON id = inner_id
    UNION ALL SELECT inner_id, outer_id, parent_id FROM up JOIN event ON id = at WHERE at <> outer_id)
SELECT count(DISTINCT inner_id || outer_id) = (SELECT count(*) FROM overlap) FROM up WHERE at = outer_id;
-- What is not in its parent's lane is reached by a flow.
SELECT sum(ph = 's') = sum(ph = 'f'), sum(ph = 's') = (SELECT count(*) FROM event c JOIN event p ON p.id = c.parent_id WHERE p.tid <> c.tid) FROM event WHERE cat = 'call';

-- Folded stacks are the sums of self_ns by call path.
SELECT pythia_export('@TMP@/folded', 'folded');
WITH RECURSIVE line(line, rest) AS (
    SELECT '', readfile('@TMP@/folded') || ''
    UNION ALL SELECT substr(rest, 1, instr(rest, char(10)) - 1), substr(rest, instr(rest, char(10)) + 1) FROM line WHERE rest <> ''),
file(stack, ns) AS (SELECT rtrim(rtrim(line, '0123456789')), CAST(substr(line, length(rtrim(line, '0123456789')) + 1) AS INTEGER) FROM line WHERE line <> ''),
path(trace_id, span_id, stack, self_ns) AS (
    SELECT trace_id, span_id, tracepoint, self_ns FROM pythia_spans WHERE depth = 0
    UNION ALL SELECT s.trace_id, s.span_id, stack || ';' || tracepoint, s.self_ns
    FROM path JOIN pythia_spans s ON s.trace_id = path.trace_id AND s.parent_id = path.span_id),
sum(stack, ns) AS (SELECT stack, sum(self_ns) FROM path GROUP BY stack HAVING sum(self_ns) > 0)
SELECT (SELECT count(*) FROM file) > 50, (SELECT count(*) FROM (SELECT * FROM file EXCEPT SELECT * FROM sum)), (SELECT count(*) FROM (SELECT * FROM sum EXCEPT SELECT * FROM file));

-- DOT has a node for each event and an edge for each edge.
SELECT pythia_export('@TMP@/one.dot', 'dot', 'SELECT trace_id, spans FROM pythia_traces ORDER BY duration_ns DESC LIMIT 1');
SELECT (length(d) - length(replace(d, ' -> ', ''))) / 4 = (SELECT count(*) FROM pythia_edges WHERE trace_id = t), (length(d) - length(replace(d, 'penwidth', ''))) / 8 = (SELECT sum(on_critical_path) FROM pythia_edges WHERE trace_id = t),
    (length(d) - length(replace(d, '", +', ''))) / 4 >= 0
FROM (SELECT CAST(readfile('@TMP@/one.dot') AS TEXT) AS d), (SELECT trace_id AS t FROM pythia_traces ORDER BY duration_ns DESC LIMIT 1);

-- A query names traces, each as often as it likes; NULLs are passed over. Without one it is all of them.
SELECT pythia_export('@TMP@/x', 'otlp', 'SELECT trace_id FROM pythia_spans UNION ALL SELECT NULL;') = (SELECT count(*) FROM pythia_traces);
SELECT pythia_export('@TMP@/x', 'OTLP', NULL, 'copy') = (SELECT count(*) FROM pythia_traces('copy'));
SELECT pythia_export('@TMP@/x', 'jaeger', 'SELECT trace_id FROM pythia_traces WHERE 0'), CAST(readfile('@TMP@/x') AS TEXT);
SELECT pythia_export('@TMP@/x', 'chrome', 'SELECT trace_id FROM pythia_traces WHERE 0'), json_valid(CAST(readfile('@TMP@/x') AS TEXT));

-- After an error the file is what it was.
SELECT pythia_export('@TMP@/x', 'folded', 'SELECT trace_id FROM pythia_traces LIMIT 1');
CREATE TEMP TABLE before AS SELECT hex(readfile('@TMP@/x')) AS bytes;
SELECT pythia_export('@TMP@/x', 'svg');
SELECT pythia_export('@TMP@/x', 'dot', 'SELECT span_id FROM pythia_spans WHERE operation = ''POST /orders'' ORDER BY span_id LIMIT 1');
SELECT pythia_export('@TMP@/x', 'dot', 'SELECT no_column FROM pythia_traces');
SELECT pythia_export('@TMP@/x', 'dot', 'DELETE FROM pythia_traces');
SELECT pythia_export('@TMP@/x', 'dot', 'SELECT 1; SELECT 2');
SELECT pythia_export('@TMP@/x', 'dot', '');
SELECT pythia_export('@TMP@/x', 'dot', 'SELECT trace_id FROM pythia_traces', 'nowhere');
SELECT pythia_export(NULL, 'dot');
SELECT pythia_export('@TMP@/x', NULL);
SELECT pythia_export('@TMP@/no/x', 'dot');
SELECT pythia_export('@TMP@', 'dot');
SELECT pythia_export('/dev/full', 'otlp');
SELECT bytes = hex(readfile('@TMP@/x')) FROM before;
CREATE VIEW trap AS SELECT pythia_export('@TMP@/x', 'dot');
SELECT * FROM trap;
-- Nothing is left beside it.
SELECT count(*) > 5, sum(name GLOB '*.part') FROM fsdir('@TMP@');
