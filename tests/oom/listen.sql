-- The receiver of a connection: opened, asked, stopped, opened again with options.
-- fail
SELECT pythia_listen('127.0.0.1:0') IS NOT NULL, pythia_listen() IS NOT NULL;
SELECT pythia_listen(NULL);
SELECT pythia_listen('0', '{"queue_mb": 2, "schema": "main"}') IS NOT NULL;
SELECT pythia_collect();
SELECT pythia_listen(NULL);
