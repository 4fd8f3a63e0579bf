-- Structural operators over pythia_related, each against the same said with parent ids and recursion.
-- A small tree: a(b(c(b, d), e), b); a second root; spans of the shop beside them.
CREATE TEMP TABLE tree(id, parent, name);
INSERT INTO tree VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 3, 'b'), (5, 3, 'd'), (6, 2, 'e'), (7, 1, 'b'), (8, NULL, 'f');
SELECT writefile('@TMP@/tree.csv', 'trace_id,span_id,parent_id,service,operation,start_ns,end_ns' || char(10) ||
  group_concat(format('%032x,%016x,%s,s,%s,%d,%d', 7, id, coalesce(format('%016x', parent), ''), name, 1e18 + id, 1e18 + 100 - id), char(10)) || char(10)) > 0 FROM tree;
SELECT pythia_import('@TMP@/tree.csv', '{"format":"csv"}');
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;

-- In the tree, letter by letter.
CREATE TEMP TABLE relation(name);
INSERT INTO relation VALUES ('child'), ('parent'), ('descendant'), ('ancestor'), ('sibling');
SELECT relation.name, (SELECT group_concat(operation || ':' || other_operation || ' ' || distance, '  ')
  FROM (SELECT * FROM pythia_related WHERE relation = relation.name AND trace_id = format('%032x', 7) ORDER BY event_id, other_event_id))
FROM relation;

-- The closure of parents, by recursion.
CREATE TEMP TABLE span AS SELECT trace_id, span_id, parent_id, tracepoint, event_id FROM pythia_spans;
CREATE INDEX temp.span_by_id ON span(trace_id, span_id);
CREATE INDEX temp.span_by_parent ON span(trace_id, parent_id);
CREATE TEMP TABLE below AS
WITH RECURSIVE below(a, trace_id, span_id, b, depth) AS (
  SELECT event_id, trace_id, span_id, event_id, 0 FROM span
  UNION ALL SELECT a, below.trace_id, span.span_id, span.event_id, depth + 1
  FROM below JOIN span ON span.trace_id = below.trace_id AND span.parent_id = below.span_id)
SELECT a, b, depth FROM below WHERE depth > 0;
CREATE TEMP TABLE expected(relation, a, b);
INSERT INTO expected SELECT 'descendant', a, b FROM below UNION ALL SELECT 'ancestor', b, a FROM below
  UNION ALL SELECT 'child', a, b FROM below WHERE depth = 1 UNION ALL SELECT 'parent', b, a FROM below WHERE depth = 1
  UNION ALL SELECT 'sibling', x.b, y.b FROM below x JOIN below y USING (a, depth) WHERE depth = 1 AND x.b <> y.b;
CREATE TEMP TABLE given AS
SELECT relation.name AS relation, r.event_id AS a, r.other_event_id AS b FROM relation JOIN pythia_related r ON r.relation = relation.name;
SELECT relation, count(*), (SELECT count(*) FROM given g WHERE g.relation = e.relation),
       sum((relation, a, b) IN (SELECT * FROM given)) FROM expected e GROUP BY 1;
-- From one span, to one span.
SELECT relation, count(*), sum(n), sum(m) FROM (
  SELECT e.relation, (SELECT count(*) FROM pythia_related r WHERE r.relation = e.relation AND r.event_id = e.a AND r.other_event_id = e.b) AS n,
         (SELECT count(*) FROM pythia_related r WHERE r.relation = e.relation AND r.other_event_id = e.b) AS m
  FROM (SELECT * FROM expected WHERE a % 7 = 0) e) GROUP BY 1;

-- A >> B: the spans B below an A; and what its negation leaves, also where a span has no relatives at all.
SELECT count(*) FROM (SELECT DISTINCT other_event_id FROM pythia_related('descendant')
  WHERE tracepoint GLOB 'checkout/*' AND other_tracepoint GLOB 'payment/*');
SELECT count(DISTINCT b) FROM below JOIN span x ON x.event_id = a JOIN span y ON y.event_id = b
WHERE x.tracepoint GLOB 'checkout/*' AND y.tracepoint GLOB 'payment/*';
SELECT count(*) FROM pythia_spans WHERE tracepoint GLOB 's/*' AND event_id NOT IN (
  SELECT other_event_id FROM pythia_related('descendant') WHERE tracepoint = 's/b');
SELECT group_concat(operation) FROM (SELECT operation FROM pythia_spans b WHERE tracepoint GLOB 's/*' AND NOT EXISTS (
  SELECT 1 FROM pythia_related r WHERE r.relation = 'ancestor' AND r.event_id = b.event_id AND r.other_tracepoint = 's/b') ORDER BY start_ns);
-- Both sides' columns; attributes too.
SELECT count(*), sum(other_attributes ->> '$."pool.queue_length"' IS NOT NULL), min(other_service), min(duration_ns >= other_duration_ns)
FROM pythia_related('child') WHERE tracepoint = 'checkout/checkout.process' AND other_tracepoint = 'checkout/pool.acquire';

-- Single events have several parents.
INSERT INTO pythia(pythia) VALUES ('delete-all');
SELECT pythia_import('fixtures/causal/printshop.xtrace.json') > 0;
SELECT relation.name, group_concat(r.attributes ->> 'name' || (r.other_attributes ->> 'name'), ' ')
FROM relation JOIN pythia_related r ON r.relation = relation.name
WHERE r.tracepoint GLOB '[ABC]' AND r.other_tracepoint GLOB '[ABC]' GROUP BY 1;

SELECT * FROM pythia_related;
SELECT * FROM pythia_related('cousin');
SELECT count(*) FROM pythia_related(NULL);
EXPLAIN QUERY PLAN SELECT * FROM pythia_spans b, pythia_related r
WHERE r.relation = 'ancestor' AND r.event_id = b.event_id AND b.tracepoint = 'x' AND r.other_tracepoint = 'y';
