-- A group cut by a variable: numbers, categories, boundaries that are found and given, and what is refused.
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
CREATE TEMP TABLE g AS SELECT group_id FROM pythia_groups LIMIT 1;
SELECT s.part, s.low, s.high, s.traces, format_ns(s.mean_ns), round(s.cov, 2), s.histogram, round(s.eta_squared, 3)
FROM g, pythia_split(g.group_id, 'pool.queue_length') s;
SELECT s.part, s.traces, round(s.eta_squared, 3) FROM g, pythia_split(g.group_id, 'pool.queue_length', 4) s;
SELECT s.part, s.traces, round(s.eta_squared, 3) FROM g, pythia_split(g.group_id, 'pool.queue_length', '1,5') s;
SELECT s.part, s.traces, round(s.eta_squared, 3) FROM g, pythia_split(g.group_id, 'pool.queue_length', '-3, 2.5 ,100') s;
SELECT s.part, s.low, s.traces, round(s.eta_squared, 3) FROM g, pythia_split(g.group_id, 'slot.waited') s;
SELECT s.part, s.traces FROM g, pythia_split(g.group_id, 'checkout/pool.acquire:feature.flags', 2) s;

-- What has nothing to do with the duration is not cut.
SELECT count(*), min(s.traces) FROM g, pythia_split(g.group_id, 'checkout/pool.acquire:noise.float') s;

-- A request type, by its name in either place. Members without the key come last.
SELECT part, traces, round(eta_squared, 3) FROM pythia_split('frontend/POST /checkout', 'pool.queue_length', '1');
SELECT part, traces, round(eta_squared, 3) FROM pythia_split
WHERE request_type = 'frontend/POST /checkout' AND key = 'parcel.items' AND bins = 1;

-- Recomputed: eta squared is that of an analysis of variance, means and counts are those of the members.
CREATE TEMP TABLE v AS
SELECT a.value v, m.duration_ns * 1.0 y FROM pythia_group_members m JOIN pythia_attributes a USING (trace_id), g
WHERE m.group_id = g.group_id AND a.key = 'pool.queue_length';
CREATE TEMP TABLE s AS SELECT s.* FROM g, pythia_split(g.group_id, 'pool.queue_length') s;
SELECT 'parts', count(*) > 1, sum(n) = (SELECT count(*) FROM v), min(n = traces), min(abs(mean - mean_ns) <= 1e-9 * mean),
       min(abs(c - cov) < 1e-9),
       abs(sum(n * (mean - (SELECT avg(y) FROM v)) * (mean - (SELECT avg(y) FROM v)))
           / (SELECT var_pop(y) * count(*) FROM v) - max(eta_squared)) < 1e-9
FROM s JOIN (SELECT s.part, count(*) n, avg(y) mean, cov(y) c FROM v JOIN s ON v BETWEEN s.low AND s.high GROUP BY 1) USING (part);

SELECT count(*) FROM pythia_split;
SELECT count(*) FROM g, pythia_split(g.group_id) s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'no such key') s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'noise.half') s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'pool.queue_length', 0) s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'pool.queue_length', 21) s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'pool.queue_length', '5,1') s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'pool.queue_length', 'few') s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'slot.waited', '1') s;
SELECT count(*) FROM g, pythia_split(g.group_id, 'pool.queue_length', 2, 'frontend/GET') s;
SELECT count(*) FROM pythia_split('no group', 'x');
SELECT count(*) FROM pythia_split(NULL, 'x');
