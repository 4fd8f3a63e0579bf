-- historic: what localized a problem of this request type before, then what is on the most critical paths; the
-- stretch in question does not matter. A baseline.
WITH past AS (
    SELECT tracepoint, count(*) AS times FROM pythia_decisions
    WHERE action = 'localized' AND request_type = :request_type AND schema = :schema GROUP BY tracepoint
)
SELECT s.tracepoint, iif(times > 0, format('historic: localized a problem %d times', times),
                         format('historic: on the critical path of %d requests', max(on_path))) AS reason
FROM pythia_search_space s LEFT JOIN past USING (tracepoint)
WHERE s.request_type = :request_type AND s.schema = :schema
GROUP BY s.tracepoint ORDER BY times IS NULL, times DESC, max(on_path) DESC, s.tracepoint
