SELECT count()
FROM (
    SELECT arrayJoin(scope.spans)
    FROM (
        SELECT arrayJoin(r.scopeSpans) AS scope
        FROM (
            SELECT arrayJoin(resourceSpans) AS r
            FROM file('@input@', 'JSONEachRow',
                'resourceSpans Array(Tuple(scopeSpans Array(Tuple(spans Array(Tuple(spanId String))))))'))))
SETTINGS max_threads = @threads@, input_format_skip_unknown_fields = 1,
    input_format_json_ignore_unknown_keys_in_named_tuple = 1,
    input_format_json_defaults_for_missing_elements_in_named_tuple = 1
