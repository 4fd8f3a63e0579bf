-- Settings and rules: what can be written, what is refused and with which words, and what follows from it.
-- Without a store: defaults, and no rows of anything else.
SELECT count(*) > 10, sum(value <> default_value) FROM pythia_settings;
SELECT (SELECT count(*) FROM pythia_request_types), (SELECT count(*) FROM pythia_name_rules),
       (SELECT count(*) FROM pythia_imports), (SELECT count(*) FROM pythia_problems), (SELECT count(*) FROM pythia_groups);
SELECT count(*) FROM sqlite_schema;

UPDATE pythia_settings SET value = 'much' WHERE key = 'cov_threshold';
UPDATE pythia_settings SET value = -1 WHERE key = 'share_threshold';
UPDATE pythia_settings SET value = 'alphabet' WHERE key = 'grouping';
UPDATE pythia_settings SET value = NULL WHERE key = 'grouping';
UPDATE pythia_settings SET key = 'x' WHERE key = 'grouping';
UPDATE pythia_settings SET default_value = 'x' WHERE key = 'grouping';
SELECT count(*) FROM sqlite_schema; -- a refused write makes no store
UPDATE pythia_settings SET value = '0.25' WHERE key = 'cov_threshold';
SELECT key, value, default_value FROM pythia_settings WHERE value <> default_value;
DELETE FROM pythia_settings WHERE key = 'cov_threshold';
SELECT value, value = default_value FROM pythia_settings WHERE key = 'cov_threshold';

-- What follows from a setting, and what does not any more after a rollback.
SELECT pythia_import('fixtures/openstack/C3_wsgi_rpc_sem.jsonl.gz') > 0;
CREATE TEMP TABLE before AS SELECT * FROM pythia_groups;
BEGIN;
UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping';
SELECT count(*) = (SELECT count(DISTINCT request_type) FROM pythia_traces WHERE group_id IS NOT NULL) FROM pythia_groups;
ROLLBACK;
SELECT value FROM pythia_settings WHERE key = 'grouping';
SELECT count(*) FROM (SELECT * FROM pythia_groups EXCEPT SELECT * FROM temp.before);

-- A request type divides what it names from the rest; without it all is as before.
INSERT INTO pythia_request_types(pattern, request_type) VALUES('(', 'x');
INSERT INTO pythia_request_types(pattern, request_type) VALUES('', 'x');
INSERT INTO pythia_request_types(pattern, request_type, request_end) VALUES('a', 'x', 'never');
INSERT INTO pythia_request_types(pattern, request_type, priority) VALUES('^nova-compute/semaphore_wait$', 'queued', 5);
SELECT * FROM pythia_request_types;
SELECT (SELECT count(*) FROM pythia_traces WHERE request_type = 'queued')
     = (SELECT count(DISTINCT trace_id) FROM pythia_spans WHERE tracepoint = 'nova-compute/semaphore_wait');
DELETE FROM pythia_request_types;
SELECT count(*) FROM (SELECT * FROM pythia_groups EXCEPT SELECT * FROM temp.before);

-- A name rule renames what is stored.
INSERT INTO pythia_name_rules(pattern, replacement) VALUES('[', 'x');
INSERT INTO pythia_name_rules(pattern, replacement, applies_to) VALUES('^semaphore_wait$', 'wait', 'nova-*');
SELECT tracepoint, count(*) > 0 FROM pythia_spans WHERE operation IN ('wait', 'semaphore_wait') GROUP BY 1;
DELETE FROM pythia_name_rules WHERE replacement = 'wait';
SELECT tracepoint, count(*) > 0 FROM pythia_spans WHERE operation IN ('wait', 'semaphore_wait') GROUP BY 1;
SELECT count(*) FROM (SELECT * FROM pythia_groups EXCEPT SELECT * FROM temp.before);

-- What came in.
SELECT file, format, traces, rejected FROM pythia_imports;
DELETE FROM pythia_imports;
