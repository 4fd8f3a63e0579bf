-- Trace point control in the shell. printf takes any arguments, and so can stand for a program that is told
-- something; tests/python/test_control.py has programs that listen.
.nullvalue NULL
INSERT INTO pythia_backends(name, kind, target) VALUES('any', 'sql', 'printf');
SELECT * FROM pythia_backends WHERE name IS NOT NULL;

BEGIN;
INSERT INTO pythia_control(tracepoint, enabled, reason) VALUES('web/cart', 0, 'too much');
INSERT INTO pythia_control(tracepoint, request_type, enabled, sample) VALUES('web/cart', 'buy', 1, 0.1);
INSERT INTO pythia_control(tracepoint, enabled) VALUES('disk/*', 0);
SELECT rule_id, tracepoint, request_type, enabled, sample, matched, state FROM pythia_control;
COMMIT;
SELECT rule_id, state FROM pythia_control;
SELECT tracepoint, service, backend, enabled, decided_by, always_on, by_type, pending FROM pythia_tracepoints;
SELECT rule_id, tracepoint, request_type, old, new, source, backend, result FROM pythia_control_log;

-- Savepoints and ROLLBACK leave nothing behind.
BEGIN;
DELETE FROM pythia_control;
SAVEPOINT a;
INSERT INTO pythia_control(tracepoint) VALUES('web/*');
ROLLBACK TO a;
SELECT count(*) FROM pythia_control;
ROLLBACK;
SELECT count(*) FROM pythia_control;

-- What is wrong is said, and changes nothing.
INSERT INTO pythia_control(tracepoint) VALUES('/web(/');
INSERT INTO pythia_control(tracepoint) VALUES('web/[a');
INSERT INTO pythia_control(tracepoint, enabled) VALUES('web', 'yes');
INSERT INTO pythia_control(tracepoint, sample) VALUES('web', 7);
INSERT INTO pythia_control(tracepoint, predicate) VALUES('web', 'n >');
INSERT INTO pythia_control(rule_id, tracepoint) VALUES(1, 'web');
INSERT INTO pythia_control(tracepoint, state) VALUES('web', 'active');
INSERT INTO pythia_backends(name, kind, target) VALUES('p', 'telepathy', '/dev/shm/x');
INSERT INTO pythia_backends(name, kind, target) VALUES('any', 'sql', 'printf');
SELECT pythia_control_api(NULL);
SELECT * FROM pythia_control('nowhere');
SELECT * FROM pythia_control WHERE schema > 'a';
SELECT count(*) FROM pythia_control;

-- INSERT ... RETURNING knows the row as it was given; last_insert_rowid() knows its number.
INSERT INTO pythia_control(tracepoint) VALUES('a/b') RETURNING rule_id, tracepoint, enabled;
SELECT last_insert_rowid(), max(rule_id) FROM pythia_control;

-- Nothing that is stored can act.
CREATE TABLE t(x);
CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM pythia_control; END;
INSERT INTO t VALUES(1);
CREATE VIEW v AS SELECT pythia_reconcile();
SELECT * FROM v;

-- Rules of another schema are its own.
ATTACH ':memory:' AS other;
INSERT INTO pythia_control(tracepoint, schema) SELECT tracepoint, 'other' FROM pythia_control WHERE rule_id < 3;
SELECT schema, rule_id, tracepoint FROM pythia_control WHERE schema IN ('main', 'other') ORDER BY 1, 2;
SELECT pythia_reconcile(), pythia_reconcile('other'), pythia_reconcile(NULL);

-- Rows without a name: what the machine may offer and this version does not drive. UPDATE and DELETE pass over them.
SELECT kind, target, available, detail IS NOT NULL, tracepoints, last_error FROM pythia_backends WHERE name IS NULL;
UPDATE pythia_backends SET name = 'x', target = '1' WHERE kind = 'uprobe';
INSERT INTO pythia_backends(name, kind, target) VALUES('x', 'uprobe', '/bin/true');
DELETE FROM pythia_backends;
SELECT group_concat(kind) FROM pythia_backends;

-- Layers of trace points: the first rule that matches, otherwise application.
INSERT INTO pythia_layers(pattern, layer) VALUES('^disk/', 'kernel'), ('^(gc|jit)/', 'runtime');
INSERT INTO pythia_backends(name, kind, target) VALUES('any', 'sql', 'printf');
INSERT INTO pythia_control(tracepoint) VALUES('gc/pause'), ('disk/read');
SELECT tracepoint, layer FROM pythia_tracepoints;
