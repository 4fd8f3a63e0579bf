-- The virtual table `pythia`: making, looking at, commanding and dropping a store.
-- file
.nullvalue NULL
SELECT count(*) FROM pythia;
CREATE VIRTUAL TABLE other USING pythia;
CREATE VIRTUAL TABLE pythia USING pythia(argument);
CREATE VIRTUAL TABLE pythia USING pythia;
CREATE VIRTUAL TABLE pythia USING pythia;
SELECT * FROM pythia;
-- All of its tables are shadow tables.
SELECT type, count(*) FROM pragma_table_list WHERE schema = 'main' AND name GLOB 'pythia*' GROUP BY 1;

SELECT pythia_import('fixtures/otel-shop/nplus1.otlp.jsonl.gz') + pythia_import('fixtures/formats/jaeger.json') > 0;
SELECT traces > 0, traces = (SELECT count(*) FROM pythia_traces), spans = (SELECT count(*) FROM pythia_spans),
       deleted, bytes > 0 FROM pythia;
INSERT INTO pythia(pythia) VALUES('integrity-check');
PRAGMA integrity_check;

-- Deleted traces are gone at once; their space with the next optimize.
CREATE TEMP TABLE spans_before AS SELECT count(*) AS n FROM pythia_spans;
DELETE FROM pythia_traces WHERE rowid IN (SELECT rowid FROM pythia_traces LIMIT 2);
SELECT deleted, traces = (SELECT count(*) FROM pythia_traces), spans = n FROM pythia, spans_before;
INSERT INTO pythia(pythia) VALUES('integrity-check');
INSERT INTO pythia(pythia) VALUES('merge 1');
INSERT INTO pythia(pythia) VALUES('optimize');
SELECT deleted, spans < n, spans = (SELECT count(*) FROM pythia_spans) FROM pythia, spans_before;
INSERT INTO pythia(pythia) VALUES('integrity-check');

-- In a transaction that is rolled back.
CREATE TEMP TABLE before AS SELECT * FROM pythia;
BEGIN;
INSERT INTO pythia(pythia) VALUES('delete-all');
SELECT traces, spans, strings FROM pythia;
SELECT count(*) FROM pythia_spans;
ROLLBACK;
SELECT count(*) FROM (SELECT * FROM pythia EXCEPT SELECT * FROM before);
SAVEPOINT s;
DELETE FROM pythia_traces;
ROLLBACK TO s;
RELEASE s;
SELECT count(*) FROM (SELECT * FROM pythia EXCEPT SELECT * FROM before);
INSERT INTO pythia(pythia) VALUES('rebuild');
INSERT INTO pythia(pythia) VALUES('integrity-check');

-- Emptied and filled again.
INSERT INTO pythia(pythia) VALUES('delete-all');
SELECT segments, traces, spans, strings, tracepoints, bytes FROM pythia;
SELECT pythia_import('fixtures/otel-shop/nplus1.otlp.jsonl.gz') + pythia_import('fixtures/formats/jaeger.json') > 0;
SELECT before.traces <= pythia.traces FROM before, pythia;
INSERT INTO pythia(pythia) VALUES('integrity-check');

-- What is wrong is said.
INSERT INTO pythia(pythia) VALUES('optimise');
INSERT INTO pythia(pythia) VALUES('merge x');
INSERT INTO pythia(pythia) VALUES(NULL);
INSERT INTO pythia(version) VALUES(2);
UPDATE pythia SET version = 2;
DELETE FROM pythia;
ALTER TABLE pythia RENAME TO other;
SAVEPOINT s;
UPDATE pythia_xblock SET data = zeroblob(20) WHERE id = (SELECT min(id) FROM pythia_xblock);
UPDATE pythia_xconfig SET v = v + 1 WHERE k IN ('cookie', 'epoch');
INSERT INTO pythia(pythia) VALUES('integrity-check');
SELECT count(*) FROM pythia_spans;
ROLLBACK TO s;
UPDATE pythia_xconfig SET v = 99 WHERE k = 'format';
SELECT * FROM pythia;
SELECT count(*) FROM pythia_traces;
ROLLBACK TO s;
RELEASE s;
INSERT INTO pythia(pythia) VALUES('integrity-check');
CREATE TRIGGER temp.t AFTER INSERT ON spans_before BEGIN INSERT INTO pythia(pythia) VALUES('delete-all'); END;
INSERT INTO spans_before VALUES(1);
.dbconfig defensive on
DELETE FROM pythia_xtrace;
.dbconfig defensive off

-- A store for each schema; dropping takes all of it away.
ATTACH ':memory:' AS "an ""odd"" name";
CREATE VIRTUAL TABLE "an ""odd"" name".pythia USING pythia;
SELECT traces FROM "an ""odd"" name".pythia;
SELECT count(*) FROM pythia_traces('an "odd" name');
DROP TABLE "an ""odd"" name".pythia;
SELECT count(*) FROM "an ""odd"" name".sqlite_schema;
DETACH "an ""odd"" name";
BEGIN;
DROP TABLE pythia;
SELECT count(*) FROM pythia_traces;
ROLLBACK;
SELECT count(*) > 0 FROM pythia_traces;
DROP TABLE pythia;
SELECT count(*) FROM pythia_traces;
SELECT count(*) FROM sqlite_schema;
CREATE VIRTUAL TABLE pythia USING pythia;
SELECT traces, spans FROM pythia;
