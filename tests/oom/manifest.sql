-- Switches that are files: listed, switched, refused, and switched back.
-- fail
INSERT INTO pythia_backends(name, kind, target) VALUES('agent', 'manifest', '@TMP@'), ('none', 'manifest', '@TMP@/none');
INSERT INTO pythia_control(tracepoint, request_type, enabled) VALUES('web/cart', NULL, 1), ('web/cart', 'buy', 0);
INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/*', 0), ('db', 1);
BEGIN;
DELETE FROM pythia_control WHERE tracepoint = 'db';
INSERT INTO pythia_control(tracepoint, expires_ns) VALUES('quiet', 4000000000000000000);
COMMIT;
SELECT tracepoint, request_type, enabled, state FROM pythia_control;
SELECT name, kind, available, last_error FROM pythia_backends WHERE name IS NOT NULL;
DELETE FROM pythia_control;
SELECT count(*) FROM pythia_control;
