-- historic: what localized a problem of this request type before - the culprits and the ends of the stretches that
-- they were found in - then what is on the most critical paths, what was tried and did not help last; the stretch in
-- question does not matter. A baseline that finds again what was found before.
WITH localized AS (
    SELECT tracepoint, source, destination FROM pythia_decisions
    WHERE action = 'localized' AND request_type = :request_type AND schema = :schema
), helped(tracepoint, rank) AS (
    SELECT tracepoint, 1 FROM localized
    UNION ALL -- the name before the last blank; behind it stands the phase
    SELECT substr(source, 1, length(rtrim(source, replace(source, ' ', ''))) - 1), 2 FROM localized
    UNION ALL
    SELECT substr(destination, 1, length(rtrim(destination, replace(destination, ' ', ''))) - 1), 2 FROM localized
), past AS (
    SELECT tracepoint, min(rank) AS rank, count(*) AS times FROM helped GROUP BY tracepoint
), retired AS (
    SELECT tracepoint, count(*) AS times FROM pythia_decisions
    WHERE action = 'retire' AND request_type = :request_type AND schema = :schema GROUP BY tracepoint
)
SELECT s.tracepoint,
       CASE p.rank WHEN 1 THEN 'historic: localized a problem before'
                   WHEN 2 THEN 'historic: an end of a stretch that was localized before'
                   ELSE format('historic: on the critical path of %d requests', max(s.on_path)) END AS reason
FROM pythia_search_space s LEFT JOIN past p USING (tracepoint) LEFT JOIN retired r USING (tracepoint)
WHERE s.request_type = :request_type AND s.schema = :schema
GROUP BY s.tracepoint
ORDER BY p.rank IS NULL, p.times DESC, p.rank, coalesce(r.times, 0), max(s.on_path) DESC, s.tracepoint
