-- pythia_pairs against the joins of pythia_events that say the same, over spans with points, and over single events.
SELECT pythia_import('fixtures/otel-shop/pool.otlp.jsonl.gz') > 0;
CREATE TEMP TABLE joined AS SELECT a.trace_id, a.event_id AS a, b.event_id AS b, a.tracepoint AS p, b.tracepoint AS q, a.phase AS f, b.phase AS g,
  b.time_ns - a.time_ns AS ns FROM pythia_events a CROSS JOIN pythia_events b ON b.happens_after = a.event_id
  WHERE a.tracepoint GLOB 'checkout/*' AND b.tracepoint GLOB '*pg*';
SELECT count(*) > 1000, count(DISTINCT f), count(DISTINCT g) FROM joined;
CREATE TEMP TABLE given AS SELECT trace_id, event_id AS a, other_event_id AS b, tracepoint AS p, other_tracepoint AS q, phase AS f, other_phase AS g,
  duration_ns AS ns FROM pythia_pairs WHERE tracepoint GLOB 'checkout/*' AND other_tracepoint GLOB '*pg*';
SELECT count(*) FROM (SELECT * FROM joined EXCEPT SELECT * FROM given);
SELECT count(*) FROM (SELECT * FROM given EXCEPT SELECT * FROM joined);
SELECT (SELECT count(*) FROM given) = (SELECT count(*) FROM joined);

-- Phases, one trace, one event on either side.
SELECT (SELECT count(*) FROM pythia_pairs WHERE tracepoint GLOB 'checkout/*' AND other_tracepoint GLOB '*pg*' AND phase = 'start' AND other_phase = 'end')
  - (SELECT count(*) FROM joined WHERE f = 'start' AND g = 'end');
SELECT count(*) FROM pythia_pairs WHERE tracepoint GLOB 'checkout/*' AND phase = 'begin';
SELECT count(*) FROM (SELECT trace_id, count(*) AS n, (SELECT count(*) FROM pythia_pairs p WHERE p.trace_id = j.trace_id
  AND tracepoint GLOB 'checkout/*' AND other_tracepoint GLOB '*pg*') AS m FROM joined j GROUP BY 1) WHERE n <> m;
SELECT count(*), sum(n = m) = count(*) FROM (SELECT a, count(*) AS n, (SELECT count(*) FROM pythia_pairs p WHERE p.event_id = j.a
  AND other_tracepoint GLOB '*pg*') AS m FROM joined j GROUP BY 1 LIMIT 40);
SELECT count(*), sum(n = m) = count(*) FROM (SELECT b, count(*) AS n, (SELECT count(*) FROM pythia_pairs p WHERE p.other_event_id = j.b
  AND tracepoint GLOB 'checkout/*') AS m FROM joined j GROUP BY 1 LIMIT 40);
SELECT count(*) FROM pythia_pairs WHERE event_id IN (-1, 0, 1, 4294967295, 1099511627776, 'x');
SELECT count(*) FROM pythia_pairs WHERE trace_id = 'nothing';
SELECT count(*) FROM pythia_pairs WHERE tracepoint = NULL;
-- All columns, attributes of both sides too.
SELECT count(*), count(span_id), count(other_span_id), count(instance), min(service), min(other_service), min(operation), min(other_operation),
  sum(attributes ->> '$."pool.queue_length"' IS NOT NULL), min(time_ns + duration_ns = other_time_ns)
FROM pythia_pairs WHERE tracepoint = 'checkout/pool.acquire' AND other_tracepoint = 'checkout/pool.acquire';
-- An OR is united by rowid.
SELECT count(*) = (SELECT count(*) FROM pythia_pairs WHERE tracepoint = 'checkout/pool.acquire' OR other_tracepoint = 'checkout/pool.acquire')
FROM pythia_pairs WHERE tracepoint || '|' || other_tracepoint || '|' GLOB '*checkout/pool.acquire|*';

-- Deleted traces have none; another schema.
DELETE FROM pythia_traces WHERE trace_id = (SELECT min(trace_id) FROM joined);
SELECT (SELECT count(*) FROM pythia_pairs WHERE tracepoint GLOB 'checkout/*' AND other_tracepoint GLOB '*pg*')
  - (SELECT count(*) FROM joined WHERE trace_id <> (SELECT min(trace_id) FROM joined));
ATTACH ':memory:' AS other;
SELECT count(*) FROM pythia_pairs('other');
SELECT pythia_import('fixtures/causal/printshop.xtrace.json', '{"schema":"other"}') > 0;
SELECT attributes ->> 'name', group_concat(other_attributes ->> 'name', ' ') FROM
  (SELECT * FROM pythia_pairs('other') WHERE tracepoint GLOB '[ABC]' AND other_tracepoint GLOB '[ABC]' ORDER BY event_id, other_event_id) GROUP BY 1;
SELECT count(*) - (SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_after = a.event_id WHERE a.schema = 'other' AND b.schema = 'other')
FROM pythia_pairs('other');
SELECT count(*) FROM pythia_pairs('nowhere');
