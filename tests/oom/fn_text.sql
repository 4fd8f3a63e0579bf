-- retry
-- The functions on text: compiled patterns, groups, replacements that grow.
CREATE TABLE t(x);
INSERT INTO t VALUES ('GET /item/42/x'), ('POST /cart'), (NULL), (printf('%.*c', 3000, '7'));
-- fail
SELECT x REGEXP '^(GET|POST) ', x REGEXP x, regexp_extract(x, '/(\w+)/(?<id>\d+)', 2) FROM t;
SELECT regexp_replace(x, '\d', '<digit $0>'), length(regexp_replace(x, '^.*$', '')) FROM t;
SELECT format_ns(length(x) * 1234567), parse_duration(length(x) || 'ms') FROM t;
