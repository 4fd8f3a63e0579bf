-- The critical path of every trace as a recursive query, for SQLite: from a span to its child that ends last, and to the
-- last sibling that ends before it starts. Exclusive time: the span's, without its children on the path.
WITH RECURSIVE walk(id, parent, start_ns, end_ns, tracepoint) AS (
    SELECT id, parent, start_ns, end_ns, tracepoint FROM spans WHERE parent IS NULL
    UNION ALL
    SELECT c.* FROM walk AS w JOIN spans AS c ON c.id = (
        SELECT id FROM spans WHERE parent = w.id AND end_ns <= w.end_ns ORDER BY end_ns DESC LIMIT 1)
    UNION ALL
    SELECT c.* FROM walk AS w JOIN spans AS c ON c.id = (
        SELECT id FROM spans WHERE parent = w.parent AND end_ns <= w.start_ns ORDER BY end_ns DESC LIMIT 1))
SELECT tracepoint, sum(ns) FROM (
    SELECT tracepoint, end_ns - start_ns AS ns FROM walk
    UNION ALL
    SELECT p.tracepoint, w.start_ns - w.end_ns FROM walk AS w JOIN spans AS p ON p.id = w.parent)
GROUP BY tracepoint ORDER BY tracepoint
