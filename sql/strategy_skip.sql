-- skip: grandchildren before children: when a span is the problem, look straight inside its parts, and come back to
-- the layer in between only if they are healthy.
WITH depth AS (SELECT min(level) + 1 AS wanted FROM pythia_candidates)
SELECT tracepoint, format('skip: %d below the span that the stretch lies in', level) AS reason
FROM pythia_candidates, depth ORDER BY level <> wanted, level, largest, place, tracepoint
