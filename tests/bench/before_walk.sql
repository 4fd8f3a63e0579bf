-- The happened-before join of two trace points (1 and 2) as a recursive query over a plain table, for SQLite and DuckDB:
-- every span of either point climbs to the root; where two meet, the order of the items below decides. Ids are in preorder,
-- times effective, trees have one root and no points. A pair of spans has four pairs of starts and ends.
WITH RECURSIVE up(id, point, item, from_ns, to_ns, level, waited) AS (
    SELECT id, point, id, from_ns, to_ns, parent, true FROM spans WHERE point > 0
    UNION ALL
    SELECT up.id, up.point, p.id, p.from_ns, p.to_ns, p.parent,
        up.waited AND up.from_ns <= p.to_ns AND up.to_ns <= p.to_ns
    FROM up JOIN spans AS p ON p.id = up.level)
SELECT (SELECT 4 * count(*) FROM up AS x JOIN up AS y ON y.level = x.level
        WHERE x.point = 1 AND y.point = 2 AND x.waited AND y.item > x.item AND x.to_ns <= y.from_ns)
     + (SELECT 2 * count(*) + 2 * count(CASE WHEN y.from_ns > s.to_ns THEN 1 END)
        FROM up AS y JOIN spans AS s ON s.id = y.level WHERE y.point = 2 AND s.point = 1)
     + (SELECT 2 * count(*) FROM up AS x JOIN spans AS t ON t.id = x.level
        WHERE x.point = 1 AND t.point = 2 AND x.waited AND x.from_ns <= t.to_ns AND x.to_ns <= t.to_ns) AS pairs
