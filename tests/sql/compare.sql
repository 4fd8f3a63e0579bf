-- What is different between two sets of traces. The cause that was built into a capture is among the first rows.
ATTACH ':memory:' AS pool;
ATTACH ':memory:' AS cache;
ATTACH ':memory:' AS nplus1;
SELECT pythia_import('fixtures/otel-shop/none.otlp.jsonl.gz') > 0, pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz', '{"schema":"pool"}') > 0,
    pythia_import('fixtures/otel-shop/cache.otlp.jsonl.gz', '{"schema":"cache"}') > 0, pythia_import('fixtures/otel-shop/nplus1.otlp.jsonl.gz', '{"schema":"nplus1"}') > 0;
-- Two slots of a pool: checkouts wait for one.
SELECT what, request_type, change, tracepoint, destination, key, n_before, n_after, round(effect, 2) FROM pythia_compare('main', 'pool') LIMIT 5;
-- A cache that misses: another structure, which it says of itself.
SELECT what, request_type, change, key, detail, round(effect, 2) FROM pythia_compare('main', 'cache') WHERE what IN ('group', 'type') OR key = 'cache.hit' LIMIT 5;
-- Queries in a loop.
SELECT what, request_type, change, tracepoint, key, detail, round(effect, 2) FROM pythia_compare('main', 'nplus1') LIMIT 5;
-- The other way round what was slower is faster.
SELECT what, change, tracepoint, round(effect, 2) FROM pythia_compare('pool', 'main') LIMIT 3;

-- Identical sets, and sets that are small or differ by chance, make no claim.
SELECT count(*) FROM pythia_compare('main', 'main');
SELECT count(*) FROM pythia_compare('trace_id < ''8''', 'trace_id >= ''8''');
SELECT count(*) FROM pythia_compare('trace_id IN (SELECT trace_id FROM pythia_traces LIMIT 2)', 'trace_id IN (SELECT trace_id FROM pythia_traces LIMIT 2 OFFSET 2)');
SELECT count(*) FROM pythia_compare('main', '0'), (SELECT 1);

-- Slow and fast requests of one store, by predicates over pythia_traces; the last argument is their schema.
SELECT what, request_type, change, tracepoint, destination, key, round(effect, 2)
FROM pythia_compare('duration_ns < 125000000', 'duration_ns >= 125000000 -- slow', 'pool') WHERE change <> 'shifted' OR what = 'attribute' LIMIT 4;
SELECT count(*) > 0 FROM pythia_compare WHERE before = 'main' AND after = 'pool' AND what = 'edge';

-- The numbers, recomputed.
CREATE TEMP TABLE t AS SELECT 0 AS side, request_type, group_id, duration_ns, trace_id FROM pythia_traces WHERE group_id IS NOT NULL
    UNION ALL SELECT 1, request_type, group_id, duration_ns, trace_id FROM pythia_traces('pool') WHERE group_id IS NOT NULL;
CREATE TEMP TABLE c AS SELECT * FROM pythia_compare('main', 'pool');
SELECT count(*) > 0, sum(abs(effect - x) > 1e-12), sum(abs(mean_before_ns - b) > 1e-3), sum(abs(mean_after_ns - a) > 1e-3) FROM c JOIN (
    SELECT request_type, cliffs_delta(duration_ns, 1 - side) AS x, avg(duration_ns) FILTER (WHERE side = 0) AS b, avg(duration_ns) FILTER (WHERE side = 1) AS a FROM t GROUP BY request_type) s
    ON s.request_type = c.request_type WHERE what = 'type' AND change IN ('slower', 'faster');
CREATE TEMP TABLE step AS SELECT 0 AS side, p.trace_id, tracepoint, phase, lead(tracepoint) OVER w AS destination, lead(phase) OVER w AS destination_phase, p.duration_ns
    FROM pythia_traces t JOIN pythia_critical_path p ON p.trace_id = t.trace_id WINDOW w AS (PARTITION BY p.trace_id ORDER BY position);
INSERT INTO step SELECT 1, p.trace_id, tracepoint, phase, lead(tracepoint) OVER w, lead(phase) OVER w, p.duration_ns
    FROM pythia_traces('pool') t JOIN pythia_critical_path p ON p.trace_id = t.trace_id AND p.schema = 'pool' WINDOW w AS (PARTITION BY p.trace_id ORDER BY position);
CREATE INDEX temp.step_trace ON step(trace_id, tracepoint);
SELECT count(*) > 0, sum(abs(effect - x) > 1e-12), sum(abs(mean_after_ns - a) > 1e-3) FROM (
    SELECT c.effect, c.mean_after_ns, cliffs_delta(v, 1 - side) AS x, avg(v) FILTER (WHERE side = 1) AS a FROM c JOIN (
        SELECT c.rowid AS id, t.side, t.trace_id, (SELECT coalesce(sum(s.duration_ns), 0) FROM step s WHERE s.trace_id = t.trace_id AND s.side = t.side AND s.tracepoint = c.tracepoint
            AND s.phase = c.phase AND s.destination = c.destination AND s.destination_phase = c.destination_phase) AS v
        FROM c JOIN t ON t.group_id = c.group_id WHERE c.what = 'edge') e ON e.id = c.rowid GROUP BY c.rowid);
SELECT sum(p_adjusted >= 0.05), sum(score > abs(effect) + 1e-9), sum(score < 0) FROM c;
SELECT count(*) FROM (SELECT score, lag(score) OVER (ORDER BY rowid) AS before FROM c) WHERE before < score;

-- Arguments.
SELECT * FROM pythia_compare('main');
SELECT * FROM pythia_compare('main', NULL);
SELECT * FROM pythia_compare('main', 'no_column = 1');
SELECT * FROM pythia_compare('main', '1) OR (duration_ns');
SELECT count(*) FROM pythia_compare('1); DELETE FROM pythia_traces; SELECT trace_id FROM pythia_traces WHERE (1', 'main');
SELECT * FROM pythia_compare('0) UNION SELECT ''no trace'' WHERE (1', 'main');
SELECT * FROM pythia_compare('1', '1', 'nowhere');
SELECT count(*) FROM pythia_traces;
CREATE VIEW trap AS SELECT * FROM pythia_compare('main', 'load_extension(''x'')');
SELECT * FROM trap;
