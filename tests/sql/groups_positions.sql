-- Positions of edges: the same in pythia_group_edges and in pythia_cca, and whatever the order of the members.
-- Requests of one type, half of which call themselves at once, so that two edges have the same source,
-- destination and offset and differ in phase alone. x is the length of the innermost span.
CREATE TEMP TABLE request AS
SELECT value i, 100 + 37 * (value * 7 % 40) x, 1600000000000000 + value * 10000000 at FROM generate_series(0, 39);
CREATE TEMP TABLE trace AS
SELECT i, json_object('traceID', printf('%032x', i + 1), 'processes', json('{"p":{"serviceName":"s"}}'), 'spans',
    json('[' || json_object('traceID', printf('%032x', i + 1), 'spanID', printf('%016x', 2 * i + 1),
        'operationName', 'A', 'processID', 'p', 'startTime', at, 'duration', x + 5000 * (i % 2),
        'tags', json_array(json_object('key', 'x', 'type', 'int64', 'value', x)))
    || iif(i % 2, ',' || json_object('traceID', printf('%032x', i + 1), 'spanID', printf('%016x', 2 * i + 2),
        'operationName', 'A', 'processID', 'p', 'startTime', at, 'duration', x,
        'references', json_array(json_object('refType', 'CHILD_OF', 'traceID', printf('%032x', i + 1),
                                             'spanID', printf('%016x', 2 * i + 1)))), '') || ']')) json
FROM request;
SELECT writefile('@TMP@/forward.json', '{"data":[' || group_concat(json) || ']}') > 0 FROM (SELECT json FROM trace ORDER BY i);
SELECT writefile('@TMP@/back.json', '{"data":[' || group_concat(json) || ']}') > 0 FROM (SELECT json FROM trace ORDER BY i DESC);
UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping';
SELECT pythia_import('@TMP@/forward.json');
SELECT position, source_phase, destination_phase, n, mean_ns FROM pythia_group_edges;
-- Which edge x explains: the one that is x long, not the one of no length.
SELECT e.position, (SELECT round(correlation, 9) FROM pythia_cca
                    WHERE group_id = e.group_id AND response = e.position AND key = 'x') correlation
FROM pythia_group_edges e;
CREATE TEMP TABLE forward AS SELECT * FROM pythia_group_edges;
INSERT INTO pythia(pythia) VALUES('delete-all');
SELECT pythia_import('@TMP@/back.json');
SELECT count(*) FROM (SELECT * FROM temp.forward INTERSECT SELECT * FROM pythia_group_edges);
