-- Trace point control: rules, a back end (an SQL function that takes any arguments), the end of a transaction.
INSERT INTO pythia_backends(name, kind, target) VALUES('any', 'sql', 'printf');
INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0), ('db/read', 1), ('db/*', 0);
-- fail
BEGIN;
INSERT INTO pythia_control(tracepoint, request_type, enabled, sample) VALUES('/^web/', 'buy', 1, 0.5);
UPDATE pythia_control SET enabled = 1 - enabled WHERE rule_id = 1;
DELETE FROM pythia_control WHERE rule_id = 2;
COMMIT;
SELECT rule_id, tracepoint, request_type, enabled, sample, matched FROM pythia_control;
SELECT tracepoint, backend, enabled, decided_by, by_type FROM pythia_tracepoints;
SELECT name, kind, target, available, detail FROM pythia_backends WHERE name IS NOT NULL;
SELECT count(*) FROM pythia_control_log;
