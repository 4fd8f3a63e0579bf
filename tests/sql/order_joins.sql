-- Happened-before joins over the print shop (fixtures/causal/generate.py): the queries of Pivot Tracing (Mace et
-- al., SOSP 2015, sections 2 and 6) over a fixture whose answers follow from how it is made.
SELECT pythia_import('fixtures/causal/printshop.xtrace.json');
SELECT status, count(*) FROM pythia_traces GROUP BY 1;
CREATE TEMP VIEW event AS SELECT *, attributes ->> '$.Host' AS host FROM pythia_events;

-- Pages read on every shelf.
SELECT host, sum(attributes ->> 'pages') FROM event WHERE tracepoint = 'Shelf.Read' GROUP BY 1;

-- Pages read for every program: the first call before each read. One read has none, one comes before its call.
SELECT call.attributes ->> 'ProcessName', sum(read.attributes ->> 'pages')
FROM pythia_events read JOIN pythia_events call
  ON call.happens_before = read.event_id AND call.hb_tracepoint = 'Api.Call' AND call.hb_filter = 'first'
WHERE read.tracepoint = 'Shelf.Read' GROUP BY 1;
-- Without the filter proxies and workers count a second time. Both directions say the same.
SELECT call.attributes ->> 'ProcessName', sum(read.attributes ->> 'pages')
FROM pythia_events read JOIN pythia_events call
  ON call.happens_before = read.event_id AND call.hb_tracepoint = 'Api.Call'
WHERE read.tracepoint = 'Shelf.Read' GROUP BY 1;
SELECT call.attributes ->> 'ProcessName', sum(read.attributes ->> 'pages')
FROM pythia_events call JOIN pythia_events read ON read.happens_after = call.event_id
WHERE read.tracepoint = 'Shelf.Read' AND call.tracepoint = 'Api.Call' GROUP BY 1;
-- A join by trace, or by trace and time, is something else.
SELECT call.attributes ->> 'ProcessName', sum(read.attributes ->> 'pages'),
       sum(read.attributes ->> 'pages') FILTER (WHERE call.time_ns < read.time_ns)
FROM pythia_events read JOIN pythia_events call USING (trace_id)
WHERE read.tracepoint = 'Shelf.Read' AND call.tracepoint = 'Api.Call' GROUP BY 1;

-- Titles that every kiosk ordered, and shelves that it was offered for them.
SELECT start.host, title.attributes ->> 'title', count(*)
FROM event start JOIN pythia_events title ON title.happens_after = start.event_id
WHERE start.tracepoint = 'Kiosk.Order' AND title.tracepoint = 'Index.Locate' GROUP BY 1, 2;
SELECT start.host, shelf.value, count(*)
FROM event start JOIN pythia_events title ON title.happens_after = start.event_id,
     json_each(title.attributes, '$.shelves') shelf
WHERE start.tracepoint = 'Kiosk.Order' AND title.tracepoint = 'Index.Locate' GROUP BY 1, 2;
-- The shelf that was read against those offered, where it is not the kiosk's own: always the first one.
SELECT open.attributes ->> 'Host', shelf.value, count(*)
FROM event start
JOIN pythia_events title ON title.happens_after = start.event_id AND title.tracepoint = 'Index.Locate'
JOIN pythia_events open ON open.happens_after = title.event_id AND open.tracepoint = 'Shelf.Open',
     json_each(title.attributes, '$.shelves') shelf
WHERE start.tracepoint = 'Kiosk.Order' AND start.host <> open.attributes ->> 'Host' GROUP BY 1, 2;

-- How long each component takes to answer, in ms. What it asks others for in between hides its own request,
-- unless only events of the same process are compared.
SELECT answer.attributes ->> 'ProcessName', (answer.time_ns - request.time_ns) / 1000000, count(*)
FROM pythia_events answer JOIN pythia_events request
  ON request.happens_before = answer.event_id AND request.hb_tracepoint = 'Request' AND request.hb_filter = 'recent'
WHERE answer.tracepoint = 'Answer' GROUP BY 1, 2;
SELECT answer.attributes ->> 'ProcessName', (answer.time_ns - request.time_ns) / 1000000, count(*)
FROM pythia_events answer JOIN pythia_events request
  ON request.happens_before = answer.event_id AND request.hb_tracepoint = 'Request' AND request.hb_filter = 'recent'
 AND request.hb_same = 'service, instance'
WHERE answer.tracepoint = 'Answer' GROUP BY 1, 2;
-- A join over a join: mean answer before each job's end.
WITH answered AS (
  SELECT answer.event_id, (answer.time_ns - request.time_ns) / 1000000 AS ms
  FROM pythia_events answer JOIN pythia_events request
    ON request.happens_before = answer.event_id AND request.hb_tracepoint = 'Request' AND request.hb_filter = 'recent'
  WHERE answer.tracepoint = 'Answer')
SELECT done.attributes ->> 'job', count(*), avg(ms)
FROM pythia_events done JOIN pythia_events before ON before.happens_before = done.event_id
JOIN answered ON answered.event_id = before.event_id
WHERE done.tracepoint = 'Job.Done' GROUP BY 1;

-- Concurrent branches: first and recent can be several; ties = time makes them one; by rank they are a number.
CREATE TEMP TABLE filter(how, ties);
INSERT INTO filter VALUES ('all', 'all'), ('first', 'all'), ('recent', 'all'), ('first', 'time'), ('recent', 'time'),
  ('first:2', 'all'), ('recent:2', 'all');
SELECT how, ties, group_concat(q || '{' || p || '}', ' ') FROM (
  SELECT how, ties, q.attributes ->> 'name' AS q, (
      SELECT group_concat(name) FROM (
        SELECT p.attributes ->> 'name' AS name FROM pythia_events p
        WHERE p.happens_before = q.event_id AND p.hb_tracepoint = 'P' AND p.hb_filter = how AND p.hb_ties = ties
        ORDER BY 1)) AS p
  FROM filter, pythia_events q WHERE q.tracepoint = 'Q' ORDER BY filter.rowid, 3)
GROUP BY how, ties;

-- A graph with several starts: a1 b1 -> c1; b1 -> a2 -> b2; c1 -> a3, b2; a3 b2 -> c2.
SELECT group_concat(pair, ' ') FROM (
  SELECT x.attributes ->> 'name' || (y.attributes ->> 'name') AS pair
  FROM pythia_events x JOIN pythia_events y ON y.happens_after = x.event_id
  WHERE x.tracepoint GLOB '[ABC]' AND y.tracepoint GLOB '[ABC]' ORDER BY 1);
SELECT group_concat(a.attributes ->> 'name' || (b.attributes ->> 'name') || (c.attributes ->> 'name'), ' ')
FROM pythia_events c
JOIN pythia_events b ON b.happens_before = c.event_id AND b.hb_tracepoint = 'B'
JOIN pythia_events a ON a.happens_before = b.event_id AND a.hb_tracepoint = 'A'
WHERE c.tracepoint = 'C';

-- The same relation by the scalar functions, by a join, and by a closure of the edges.
CREATE TEMP TABLE pair AS SELECT x.event_id AS x, y.event_id AS y FROM pythia_events x JOIN pythia_events y ON y.happens_after = x.event_id;
WITH RECURSIVE closure(x, y) AS (
  SELECT source_event, destination_event FROM pythia_edges
  UNION SELECT x, destination_event FROM closure JOIN pythia_edges ON source_event = y)
SELECT count(*), sum((x, y) IN (SELECT x, y FROM pair)), (SELECT count(*) FROM pair) FROM closure;
SELECT sum(pythia_happened_before(a.event_id, b.event_id)),
       sum(pythia_happened_before(a.event_id, b.event_id) <> ((a.event_id, b.event_id) IN (SELECT x, y FROM pair))),
       sum(pythia_concurrent(a.event_id, b.event_id)), sum(pythia_concurrent(b.event_id, a.event_id))
FROM pythia_events a, pythia_events b;
SELECT pythia_happened_before(1, 2), pythia_happened_before(NULL, 2), pythia_happened_before((SELECT min(x) FROM pair), 2),
       pythia_concurrent((SELECT min(x) FROM pair), (SELECT min(x) FROM pair)), pythia_concurrent('no event', 2);

-- Between two events.
SELECT group_concat(tracepoint, ' ') FROM pythia_events
WHERE happens_after = (SELECT event_id FROM pythia_events WHERE tracepoint = 'Kiosk.Order' LIMIT 1)
  AND happens_before = (SELECT event_id FROM pythia_events WHERE tracepoint = 'Shelf.Open' LIMIT 1);
-- Other conditions apply to what the filter leaves; so does the phase, which is point for all of these.
SELECT p.attributes ->> 'name' FROM pythia_events q JOIN pythia_events p
  ON p.happens_before = q.event_id AND p.hb_tracepoint = '[PQ]' AND p.hb_filter = 'recent' AND p.hb_phase = 'point'
WHERE q.attributes ->> 'name' = 'q3' AND p.tracepoint = 'Q' ORDER BY 1;
-- No event, no rows; one event by its id.
SELECT count(*) FROM pythia_events WHERE happens_after = 3 OR happens_after = 'x';
SELECT count(*) FROM pythia_events WHERE happens_after = NULL;
SELECT tracepoint FROM pythia_events WHERE event_id = (SELECT max(x) FROM pair);
-- With other conditions beside the id, it is still that event or none.
SELECT (SELECT count(*) FROM pythia_events WHERE event_id = x AND tracepoint = 'B'),
       (SELECT count(*) FROM pythia_events WHERE event_id = x AND tracepoint GLOB 'Kiosk*'),
       (SELECT count(*) FROM pythia_events WHERE event_id = x AND happens_before = y), (SELECT count(*) FROM pythia_events WHERE event_id = y AND happens_before = x)
FROM (SELECT max(x) AS x FROM pair) JOIN pair USING (x);
-- A left join keeps what has nothing before it.
SELECT sum(b.event_id IS NULL), count(*) FROM pythia_events a LEFT JOIN pythia_events b
  ON b.happens_before = a.event_id AND b.hb_tracepoint = 'A' WHERE a.tracepoint = 'C' OR a.tracepoint = 'A';

-- The planner reads the dependent table once for each row of the other, whatever the order in FROM.
EXPLAIN QUERY PLAN SELECT * FROM pythia_events b, pythia_events a
WHERE b.happens_after = a.event_id AND a.tracepoint = 'P' AND b.tracepoint = 'Q';

-- What cannot be answered says why.
SELECT * FROM pythia_events WHERE hb_filter = 'first';
SELECT * FROM pythia_events WHERE happens_after = 1 AND hb_tracepoint = 'x' AND hb_filter = 'first';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_filter = 'first';
SELECT * FROM pythia_events WHERE hb_tracepoint = 'x';
SELECT * FROM pythia_events WHERE hb_same = 'service';
SELECT * FROM pythia_events WHERE hb_phase = 'start';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_ties = 'time';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_tracepoint = 'x' AND hb_filter = 'first:0';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_tracepoint = 'x' AND hb_filter = 'last';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_tracepoint = 'x' AND hb_filter = 'first' AND hb_ties = 'some';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_same = 'host';
SELECT * FROM pythia_events WHERE happens_before = 1 AND hb_phase = 'middle';
SELECT * FROM pythia_events WHERE happens_after > 1;
SELECT count(*) FROM pythia_events b LEFT JOIN pythia_events a ON b.happens_after = a.event_id;

-- Alternatives beside a join, and several trace points at once.
SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_before = a.event_id AND (b.tracepoint = 'P' OR b.tracepoint = 'Q');
SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_before = a.event_id AND b.tracepoint IN ('P', 'Q');
SELECT count(*) FROM pythia_events a JOIN pythia_events b
  ON b.happens_before = a.event_id AND b.hb_tracepoint = 'P' || char(10) || 'Q' AND b.hb_phase = 'start,point';
