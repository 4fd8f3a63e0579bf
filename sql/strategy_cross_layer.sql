-- cross_layer: trace points of other layers than that of the source first (below the application: the runtime, the
-- kernel), each time the one that splits the stretch best.
WITH here AS (
    SELECT layer FROM pythia_search_space
    WHERE request_type = :request_type AND tracepoint = :source AND schema = :schema LIMIT 1
)
SELECT tracepoint, format('cross_layer: %s, at most %d of %d events left in one piece', layer, largest, total) AS reason
FROM pythia_candidates ORDER BY layer IS (SELECT layer FROM here), largest, level, place, tracepoint
