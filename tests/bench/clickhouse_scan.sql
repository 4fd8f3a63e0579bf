SELECT count(), uniq(s.traceId), max(s.endTimeUnixNano), sum(length(s.attributes))
FROM (
    SELECT arrayJoin(scope.spans) AS s
    FROM (
        SELECT arrayJoin(r.scopeSpans) AS scope
        FROM (
            SELECT arrayJoin(resourceSpans) AS r
            FROM file('@input@', 'JSONEachRow', 'resourceSpans Array(Tuple(
                resource Tuple(attributes Array(Tuple(key String, value Tuple(
                    stringValue Nullable(String), intValue Nullable(Int64),
                    doubleValue Nullable(Float64))))),
                scopeSpans Array(Tuple(spans Array(Tuple(
                    traceId String, spanId String, parentSpanId String, name String, kind UInt8,
                    startTimeUnixNano UInt64, endTimeUnixNano UInt64,
                    attributes Array(Tuple(key String, value Tuple(
                        stringValue Nullable(String), intValue Nullable(Int64),
                        doubleValue Nullable(Float64)))),
                    status Tuple(code UInt8)))))))'))))
SETTINGS max_threads = @threads@, input_format_skip_unknown_fields = 1,
    input_format_json_ignore_unknown_keys_in_named_tuple = 1,
    input_format_json_defaults_for_missing_elements_in_named_tuple = 1
