-- Happened-before joins: over single events, over spans, over spans with links.
SELECT pythia_import('fixtures/formats/xtrace.json') > 0;
SELECT pythia_import('fixtures/formats/otlp.jsonl') > 0;
SELECT pythia_import('fixtures/formats/jaeger.json') > 0;
SELECT pythia_import('fixtures/formats/chrome.json') > 0;
-- fail
SELECT count(*), count(b.attributes), sum(b.on_critical_path) FROM pythia_events a JOIN pythia_events b ON b.happens_after = a.event_id;
SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_before = a.event_id AND b.hb_tracepoint = '*' AND b.hb_filter = 'first' AND b.hb_same = 'service,instance';
SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_before = a.event_id AND b.hb_tracepoint = '*' AND b.hb_filter = 'recent' WHERE b.tracepoint GLOB '*e*';
SELECT count(*) FROM pythia_events a JOIN pythia_events b ON b.happens_before = a.event_id AND b.hb_tracepoint = '*' AND b.hb_filter = 'recent:2' AND b.hb_ties = 'time';
SELECT sum(pythia_happened_before(a.event_id, b.event_id)), sum(pythia_concurrent(a.event_id, b.event_id)) FROM pythia_events a JOIN pythia_events b USING (trace_id) WHERE a.event_id > b.event_id AND a.phase = 'point' AND b.phase = 'point';
SELECT tracepoint FROM pythia_events WHERE event_id = (SELECT max(event_id) FROM pythia_events);
SELECT count(*), count(attributes), count(other_attributes), count(other_span_id) FROM pythia_related('descendant') WHERE tracepoint GLOB '*' AND other_tracepoint GLOB '*e*';
SELECT count(*) FROM pythia_spans s JOIN pythia_related r ON r.relation = 'sibling' AND r.other_event_id = s.event_id;
SELECT count(*), count(attributes), count(other_attributes), sum(duration_ns), count(span_id) FROM pythia_pairs WHERE tracepoint GLOB '*' AND other_tracepoint GLOB '*e*';
SELECT count(*) FROM pythia_events a CROSS JOIN pythia_events b ON b.happens_before = a.event_id AND b.hb_tracepoint = '*' AND b.hb_filter = 'first' WHERE a.tracepoint GLOB '*e*' AND a.event_id > 4294967296;
