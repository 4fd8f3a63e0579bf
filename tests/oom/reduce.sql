-- Rules with predicates and aggregates, told to a control page. What is told is taken back in the end.
INSERT INTO pythia_backends(name, kind, target) VALUES('p', 'page', 'PAGE');
-- fail
BEGIN;
INSERT INTO pythia_control(tracepoint, predicate) VALUES('*/part/point', 'n > 3 AND text GLOB ''a*'' OR real IS NULL');
INSERT INTO pythia_control(tracepoint, aggregate, group_by, window_ms) VALUES('*/part', 'avg(n)', 'n % 2', 100);
COMMIT;
SELECT rule_id, predicate, aggregate, group_by, window_ms, matched, state FROM pythia_control ORDER BY rule_id;
DELETE FROM pythia_control;
