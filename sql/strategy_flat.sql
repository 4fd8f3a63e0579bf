-- flat: trace points at even distances along the stretch, as if nothing were nested.
-- Of n candidates in their order, those nearest to 1/(b+1), 2/(b+1) ... b/(b+1) of the way, b the budget.
WITH ordered AS (
    SELECT tracepoint, place, row_number() OVER (ORDER BY place, weight DESC, tracepoint) AS i, count(*) OVER () AS n
    FROM pythia_candidates
), wanted(k) AS (
    SELECT 1 UNION ALL SELECT k + 1 FROM wanted WHERE k < :budget
)
SELECT tracepoint, format('flat: at %d of %d candidates along the stretch', i, n) AS reason
FROM ordered
ORDER BY (SELECT min(abs(i - k * (n + 1.0) / (:budget + 1)) * 1000 + k) FROM wanted), i
