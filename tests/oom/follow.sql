-- Files that are followed: anew, and where nothing is new.
-- fail
SELECT pythia_import('fixtures/formats/zipkin.json', '{"follow":1}');
SELECT pythia_import('fixtures/formats/zipkin.json', '{"follow":1}');
SELECT pythia_import('fixtures/formats/osprofiler-notifications.json', '{"follow":1}');
SELECT count(*), sum(spans), sum(position) FROM pythia_imports;
