SET preserve_insertion_order = false;
CREATE TABLE spans AS
WITH resources AS (
    SELECT unnest(resourceSpans) AS r
    FROM read_json('@input@', format = 'newline_delimited', columns = {
        resourceSpans: 'STRUCT(
            resource STRUCT(attributes STRUCT("key" VARCHAR,
                value STRUCT(stringValue VARCHAR, intValue BIGINT, doubleValue DOUBLE))[]),
            scopeSpans STRUCT(spans STRUCT(
                traceId VARCHAR, spanId VARCHAR, parentSpanId VARCHAR, name VARCHAR, kind UTINYINT,
                startTimeUnixNano UBIGINT, endTimeUnixNano UBIGINT,
                attributes STRUCT("key" VARCHAR,
                    value STRUCT(stringValue VARCHAR, intValue BIGINT, doubleValue DOUBLE))[],
                status STRUCT(code UTINYINT))[])[])[]'})),
scopes AS (
    SELECT r.resource.attributes[1].value.stringValue AS service,
           r.resource.attributes[2].value.stringValue AS host,
           unnest(r.scopeSpans) AS scope
    FROM resources),
spans AS (SELECT service, host, unnest(scope.spans) AS s FROM scopes)
SELECT s.traceId AS trace_id, s.spanId AS span_id, s.parentSpanId AS parent_id, service, host,
       s.name AS operation, s.kind AS kind, s.startTimeUnixNano AS start_ns,
       s.endTimeUnixNano - s.startTimeUnixNano AS duration_ns, s.status.code AS status,
       s.attributes AS attributes
FROM spans;
CHECKPOINT;
SELECT count(*) FROM spans;
