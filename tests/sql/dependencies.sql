-- The order of siblings, as all traces together show it. Three requests of a shop: the price is asked for after the
-- stock in every one, the mail and the log run beside each other in one of them, and ads come before or after.
SELECT writefile('@TMP@/shop.csv', 'trace_id,span_id,parent_id,service,operation,start_ns,end_ns
t1,r,,shop,order,1000,2000
t1,a,r,shop,stock,1000,1100
t1,b,r,shop,price,1100,1200
t1,c,r,shop,mail,1200,1300
t1,d,r,shop,log,1300,1400
t1,e,r,shop,ads,1400,1500
t2,r,,shop,order,1000,2000
t2,e,r,shop,ads,1000,1050
t2,a,r,shop,stock,1050,1150
t2,b,r,shop,price,1150,1250
t2,c,r,shop,mail,1250,1350
t2,d,r,shop,log,1349,1450
t3,r,,shop,order,1000,2000
t3,a,r,shop,stock,1000,1100
t3,b,r,shop,price,1100,1200
t3,a2,r,shop,stock,1200,1300
t3,b2,r,shop,price,1300,1400
t4,r,,shop,order,1000,2000
t4,d,r,shop,log,1000,1001
');
SELECT pythia_import('@TMP@/shop.csv', '{"format":"csv"}');
UPDATE pythia_settings SET value = 0 WHERE key = 'order_tolerance_ns';
SELECT * FROM pythia_dependencies;
-- What nothing contradicts.
SELECT before, after, support FROM pythia_dependencies WHERE request_type = 'shop/order' AND contradicted = 0 AND support > 1;
SELECT count(*) FROM pythia_dependencies WHERE request_type = 'no such type';

-- A request that contradicts is enough, and taken away again it does no longer.
SELECT writefile('@TMP@/more.csv', 'trace_id,span_id,parent_id,service,operation,start_ns,end_ns
t5,r,,shop,order,1000,2000
t5,a,r,shop,stock,1000,1100
t5,b,r,shop,price,1050,1150
');
SELECT pythia_import('@TMP@/more.csv', '{"format":"csv"}');
SELECT before, after, support, contradicted FROM pythia_dependencies WHERE before = 'shop/stock' AND after = 'shop/price';
DELETE FROM pythia_traces WHERE trace_id = 't5';
SELECT before, after, support, contradicted FROM pythia_dependencies WHERE before = 'shop/stock' AND after = 'shop/price';

-- Within the tolerance of clocks an order cannot be told, and is not: ads and stock begin and end within 300 ns.
UPDATE pythia_settings SET value = 300 WHERE key = 'order_tolerance_ns';
SELECT before, after, support, contradicted FROM pythia_dependencies;
DELETE FROM pythia_settings WHERE key = 'order_tolerance_ns';

-- The same, recomputed from the spans.
INSERT INTO pythia(pythia) VALUES ('delete-all');
SELECT pythia_import('fixtures/openstack/B_nosql.jsonl.gz') > 0;
CREATE TEMP TABLE child AS SELECT c.trace_id, p.span_id AS parent, p.tracepoint AS parent_point, c.tracepoint, c.start_ns AS t0, c.start_ns + c.duration_ns AS t1, t.request_type
    FROM pythia_spans p JOIN pythia_spans c ON c.trace_id = p.trace_id AND c.parent_id = p.span_id JOIN pythia_traces t ON t.trace_id = p.trace_id
    WHERE t.status = 'complete' AND p.depth = 0;
CREATE INDEX temp.child_parent ON child(trace_id, parent);
CREATE TEMP TABLE pair AS SELECT a.request_type, a.parent_point, a.tracepoint AS a, b.tracepoint AS b, max(a.t1 > b.t0 AND b.t1 > a.t0) AS overlap, min(a.t0) < min(b.t0) AS a_first
    FROM child a JOIN child b ON b.trace_id = a.trace_id AND b.parent = a.parent AND a.tracepoint < b.tracepoint GROUP BY a.trace_id, a.parent, a.tracepoint, b.tracepoint;
CREATE TEMP TABLE slow AS
    SELECT request_type, parent_point, a, b, sum(a_first AND NOT overlap) AS support, sum(overlap OR NOT a_first) AS contradicted FROM pair GROUP BY 1, 2, 3, 4
    UNION ALL SELECT request_type, parent_point, b, a, sum(NOT a_first AND NOT overlap), sum(overlap OR a_first) FROM pair GROUP BY 1, 2, 3, 4;
CREATE TEMP TABLE quick AS SELECT request_type, parent_path, before, after, support, contradicted FROM pythia_dependencies
    WHERE before <> after AND instr(parent_path, ';') = 0;
SELECT count(*) > 5, (SELECT count(*) FROM (SELECT * FROM quick EXCEPT SELECT * FROM slow)), (SELECT count(*) FROM (SELECT * FROM slow WHERE support > 0 EXCEPT SELECT * FROM quick)) FROM quick;
