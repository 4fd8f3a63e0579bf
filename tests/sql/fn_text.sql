-- The functions on text as a user meets them; tests/unit/test_fn_text.c has the edges.
.nullvalue NULL
CREATE TABLE requests(line TEXT, ns INTEGER);
INSERT INTO requests VALUES
  ('GET /item/42?x=1', 812), ('GET /item/7', 1239999), ('POST /cart', 3450000000),
  ('POST /cart/9/items/3', 123000000000), (NULL, NULL);

SELECT line FROM requests WHERE line REGEXP '^GET ';
SELECT regexp_extract(line, '^(\w+) /(\w+)', 2), count(*) FROM requests GROUP BY 1 ORDER BY 1;
SELECT regexp_replace(regexp_replace(line, '\?.*', ''), '(?<=/)\d+', '{id}') FROM requests;
SELECT format_ns(ns) FROM requests;
SELECT format_ns(avg(ns)), format_ns(-5) FROM requests;
SELECT line FROM requests WHERE ns >= parse_duration('1.2ms') AND ns < parse_duration('1 min');

-- Pure functions can be indexed.
CREATE INDEX by_verb ON requests(regexp_extract(line, '^\w+'));
SELECT count(*) FROM requests WHERE regexp_extract(line, '^\w+') = 'GET';

-- What goes wrong is said.
SELECT 'a' REGEXP '(';
SELECT regexp_extract('a', '(a)', 2);
SELECT regexp_replace('a', 'a', '${');
SELECT parse_duration('3 parsecs');
SELECT format_ns('fast');
