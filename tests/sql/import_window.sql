-- Which traces an import finishes when. The order of their rowids tells: the first one finished is the first.
UPDATE pythia_settings SET value = 1000 WHERE key = 'assembly_window';

-- Trace w never gets its root, which holds nobody up: the others are finished when 1,000 spans have come since their
-- last one. Of 3,001 spans that is so for the traces 1 to 1,999. What is left at the end is finished in the order of
-- its last span: w, then 2,000 and all behind it.
CREATE TABLE input AS
WITH RECURSIVE span(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM span WHERE n < 3000)
SELECT 'trace_id,span_id,parent_id,service,operation,start_ns,duration_ns' || char(10) ||
       group_concat(printf('%s,%d,%s,shop,buy,%d,1000', iif(n, n, 'w'), n + 1, iif(n, '', 'lost'),
                           1000000000 + n * 1000), char(10)) || char(10) AS csv FROM span;
SELECT writefile('@TMP@/window.csv', csv) > 0 FROM input;
SELECT pythia_import('@TMP@/window.csv');
SELECT status, count(*) FROM pythia_traces GROUP BY status;
SELECT count(*) AS before, max(CAST(trace_id AS INTEGER)) AS last
FROM pythia_traces WHERE rowid < (SELECT rowid FROM pythia_traces WHERE trace_id = 'w');
INSERT INTO pythia(pythia) VALUES('integrity-check');

-- A span that comes after its trace was finished reopens it. All of this also where a statement may have few
-- parameters.
.limit variable_number 40
INSERT INTO pythia(pythia) VALUES('delete-all');
UPDATE input SET csv = csv || '1,9,2,shop,pay,1000001500,100' || char(10);
SELECT writefile('@TMP@/window.csv', csv) > 0 FROM input;
SELECT pythia_import('@TMP@/window.csv');
SELECT spans, count(*) FROM pythia_traces GROUP BY spans;
SELECT span_id, parent_id, operation FROM pythia_spans WHERE trace_id = '1';
-- By their ids each of its spans is there once.
SELECT span_id, trace_id, operation FROM pythia_spans WHERE span_id IN ('2', '9') ORDER BY 1;
INSERT INTO pythia(pythia) VALUES('integrity-check');

-- What was mended of a trace is told anew when it grows. However many there are, it is found by an index.
INSERT INTO pythia(pythia) VALUES('delete-all');
SELECT writefile('@TMP@/orphan.csv', substr(csv, 1, instr(csv, char(10))) || 'o,2,1,shop,pay,1000000500,100' || char(10)) > 0 FROM input;
SELECT pythia_import('@TMP@/orphan.csv');
SELECT kind, trace_id, detail FROM pythia_problems;
SELECT writefile('@TMP@/parent.csv', substr(csv, 1, instr(csv, char(10))) || 'o,1,,shop,buy,1000000000,1000' || char(10)) > 0 FROM input;
SELECT pythia_import('@TMP@/parent.csv');
SELECT count(*) FROM pythia_problems;
EXPLAIN QUERY PLAN DELETE FROM pythia_xproblem WHERE trace_id = 'o' AND file IS NULL;
INSERT INTO pythia(pythia) VALUES('integrity-check');
