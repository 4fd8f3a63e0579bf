-- Switches that are files: a directory with a file per trace point, and a list of those that are off. What the files
-- hold is looked at through the shell; tests/python/test_manifest.py has what a session can run into.
.nullvalue NULL
.shell mkdir -p @TMP@/switches/nova && printf 1 > @TMP@/switches/nova/api && printf 0 > @TMP@/switches/quiet
.shell printf 1 > @TMP@/switches/quiet:ServerList && touch @TMP@/off
INSERT INTO pythia_backends(name, kind, target) VALUES('agent', 'manifest', '@TMP@/switches');
INSERT INTO pythia_backends(name, kind, target) VALUES('hdfs', 'manifest', '@TMP@/off');
INSERT INTO pythia_backends(name, kind, target) VALUES('gone', 'manifest', '@TMP@/nothing');
INSERT INTO pythia_backends(name, kind, target) VALUES('none', 'manifest', '');
SELECT name, kind, available, detail, tracepoints, last_error FROM pythia_backends WHERE name IS NOT NULL;
SELECT tracepoint, backend, enabled, pending FROM pythia_tracepoints;

-- A pattern reaches the files there are; a name that has no file gets one. A list takes any.
BEGIN;
INSERT INTO pythia_control(tracepoint, enabled) VALUES('nova/*', 0), ('DataNode.read', 0);
.shell cd @TMP@ && cat switches/nova/api && ls off*
COMMIT;
.shell cd @TMP@ && head -c 99 switches/nova/api switches/DataNode.read switches/quiet && echo && cat off
SELECT tracepoint, enabled, pending FROM pythia_tracepoints;

-- A list knows no request types: the commit is refused, and the directory has nothing of it.
INSERT INTO pythia_control(tracepoint, request_type, enabled) VALUES('quiet', 'ServerList', 0);
DELETE FROM pythia_backends WHERE name = 'hdfs';
INSERT INTO pythia_control(tracepoint, request_type, enabled) VALUES('quiet', 'ServerList', 0);
.shell cd @TMP@/switches && head -c 99 quiet:ServerList && echo

-- Refused, with the reason.
INSERT INTO pythia_control(tracepoint) VALUES('../up');
INSERT INTO pythia_control(tracepoint) VALUES('nova');
INSERT INTO pythia_control(tracepoint, sample) VALUES('quiet', 0.1);

-- Without rules everything is as it was.
DELETE FROM pythia_control;
.shell cd @TMP@/switches && head -c 99 nova/api quiet quiet:ServerList DataNode.read && echo
SELECT rule_id, tracepoint, request_type, old, new, backend, result FROM pythia_control_log;
