WITH RECURSIVE walk(id, parent, start_ns, end_ns, tracepoint) AS (
    SELECT id, parent, start_ns, end_ns, tracepoint FROM spans WHERE parent IS NULL
    UNION ALL
    SELECT c.id, c.parent, c.start_ns, c.end_ns, c.tracepoint FROM (
        SELECT arg_max(c.id, c.end_ns) AS id FROM (
            SELECT id AS "from", id AS "under", end_ns AS until FROM walk
            UNION ALL
            SELECT -id, parent, start_ns FROM walk WHERE parent IS NOT NULL) AS w
        JOIN spans AS c ON c.parent = w."under" AND c.end_ns <= w.until
        GROUP BY w."from") AS best JOIN spans AS c ON c.id = best.id)
SELECT tracepoint, sum(ns)::BIGINT AS ns FROM (
    SELECT tracepoint, end_ns - start_ns AS ns FROM walk
    UNION ALL
    SELECT p.tracepoint, w.start_ns - w.end_ns FROM walk AS w JOIN spans AS p ON p.id = w.parent)
GROUP BY tracepoint ORDER BY tracepoint;
