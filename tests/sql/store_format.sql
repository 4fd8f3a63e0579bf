-- A database of every format version of the store is still read, checked, and written to.
.restore main fixtures/store/format-1.db
SELECT k, v FROM pythia_xconfig WHERE k = 'format';
INSERT INTO pythia(pythia) VALUES('integrity-check');
PRAGMA integrity_check;
SELECT traces, spans, deleted FROM pythia;
SELECT request_type, traces, mean_ns, round(cov, 3) FROM pythia_groups ORDER BY traces DESC, request_type LIMIT 3;
SELECT count(*), sum(duration_ns), sum(length(attributes)), count(DISTINCT instance) FROM pythia_spans;
SELECT count(*), sum(p.position) FROM pythia_traces AS t JOIN pythia_critical_path AS p ON p.trace_id = t.trace_id;
SELECT e.source, e.destination, round(e.variance_share, 3)
FROM (SELECT group_id FROM pythia_groups ORDER BY variance_share DESC LIMIT 1) AS g
JOIN pythia_group_edges AS e ON e.group_id = g.group_id ORDER BY e.variance_share DESC LIMIT 1;
SELECT tracepoint, enabled, reason FROM pythia_control;
SELECT value FROM pythia_settings WHERE key = 'min_samples';

-- What is stored is known again: the one deleted trace comes back, all else is a repetition.
SELECT pythia_import('fixtures/formats/*.json*') > 0;
SELECT traces, spans FROM pythia;
INSERT INTO pythia(pythia) VALUES('rebuild');
INSERT INTO pythia(pythia) VALUES('optimize');
INSERT INTO pythia(pythia) VALUES('integrity-check');
SELECT traces, deleted FROM pythia;
