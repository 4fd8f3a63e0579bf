-- hierarchical: the outermost spans of the stretch first, and of these evenly spaced ones, the middle before the
-- ends; what lies inside them only when they are on.
WITH children AS (
    SELECT tracepoint, level, place, row_number() OVER (PARTITION BY level ORDER BY place, tracepoint) AS i,
           count(*) OVER (PARTITION BY level) AS n
    FROM pythia_candidates
)
SELECT tracepoint, format('hierarchical: %d of %d at depth %d of the stretch', i, n, level) AS reason
FROM children ORDER BY level, abs(i - (n + 1) / 2.0), i
