-- Learning the search space, asking strategies, writing rows of the user's.
INSERT INTO pythia_layers(pattern, layer) VALUES('^db/', 'database');
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
-- fail
SELECT pythia_learn();
SELECT node_id, parent_id, tracepoint, layer, count, skeleton FROM pythia_search_space;
INSERT INTO pythia_strategies(name, sql) VALUES('mine', 'SELECT tracepoint, round(weight) AS reason FROM pythia_candidates');
SELECT name, shipped FROM pythia_strategies;
SELECT n.* FROM pythia_groups g, pythia_next(g.group_id) n WHERE n.strategy = 'mine';
SELECT c.* FROM pythia_groups g, pythia_candidates(g.group_id) c;
DELETE FROM pythia_strategies WHERE name = 'mine';
