CREATE TABLE lines(line TEXT);
.mode ascii
.separator "\001" "\n"
.import '@input@' lines
.mode list
CREATE TABLE spans(trace_id TEXT, span_id TEXT, parent_id TEXT, service TEXT, operation TEXT, kind INTEGER,
    start_ns INTEGER, duration_ns INTEGER, status INTEGER, attributes TEXT);
INSERT INTO spans
SELECT s.value->>'traceId', s.value->>'spanId', s.value->>'parentSpanId',
       (SELECT a.value->>'$.value.stringValue' FROM json_each(r.value, '$.resource.attributes') a
         WHERE a.value->>'key' = 'service.name'),
       s.value->>'name', s.value->>'kind', s.value->>'startTimeUnixNano' + 0,
       (s.value->>'endTimeUnixNano') - (s.value->>'startTimeUnixNano'),
       s.value->>'$.status.code', s.value->'attributes'
FROM lines, json_each(line, '$.resourceSpans') r, json_each(r.value, '$.scopeSpans') c,
     json_each(c.value, '$.spans') s;
SELECT count(*) FROM spans;
