-- Canonical correlation of the rows of a query: the first columns are Y, the others X.
.nullvalue NULL
CREATE TABLE request AS
  WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 199)
  SELECT i, 'r' || i id, i * 37 % 11 queue, i * 53 % 7 payload,
         iif(i % 5 = 0, 'miss', 'hit') cache, 1 version,
         100 + 20 * (i * 37 % 11) + iif(i % 5 = 0, 60, 0) + (i * 7919 % 23) us,
         5 * (i * 53 % 7) + (i * 7907 % 13) bytes
  FROM c;

-- Two dimensions: time goes with the queue and the cache, bytes go with the payload.
SELECT dimension, round(correlation, 6) r, round(wilks, 6) wilks, round(f, 3) f, df1, round(df2, 2) df2,
       p_value < 1e-9 sure, round(chi2, 3) chi2, n, dropped, rank_x, rank_y
FROM cca_query('SELECT us, bytes, queue, payload, cache FROM request', 2);
SELECT dimension, side, variable, round(abs(weight), 3) weight, round(abs(loading), 3) loading,
       round(abs(cross_loading), 3) cross_loading
FROM cca_variables('SELECT us, bytes, queue, payload, cache FROM request', 2);

-- Each variable alone, and why one does not take part.
SELECT variable, kind, levels, round(correlation, 4) r, p_value < 0.001 significant, note
FROM cca_variables('SELECT us, queue, cache, version, id, 2 * queue + 1 AS twice FROM request', 1)
WHERE dimension = 1 AND side = 'x';

-- One Y and one X: Pearson's r, and its p.
SELECT round(c.correlation - abs(corr(us, queue)), 12) same, c.df1, c.df2
FROM request, cca_query('SELECT us, queue FROM request', 1) c;

-- Permutations: the p of a statistic that assumes nothing of the distribution; the same for the same seed.
SELECT p_permutation FROM cca_query('SELECT us, queue FROM request', 1, 99, 7);
SELECT a.p_permutation = b.p_permutation, a.p_permutation > 0.05
FROM cca_query('SELECT us, payload FROM request', 1, 199, 7) a,
     cca_query('SELECT us, payload FROM request', 1, 199, 7) b;

-- Too few rows: correlations are forced, and there is no p. A constant side has no dimensions.
SELECT correlation, f, p_value FROM cca_query('SELECT us, queue, payload FROM request LIMIT 3', 1);
SELECT count(*) FROM cca_query('SELECT us, 1 FROM request', 1);
SELECT count(*) FROM cca_query('SELECT us, queue FROM request WHERE 0', 1);
SELECT n, dropped FROM cca_query('SELECT us, nullif(queue, 3) FROM request', 1);

-- Time stamps in nanoseconds keep their nanoseconds.
SELECT round(correlation, 9) FROM cca_query('SELECT 1700000000000000000 + us, queue FROM request', 1)
UNION ALL SELECT round(correlation, 9) FROM cca_query('SELECT us, queue FROM request', 1);

-- More levels than a hundred are capped.
SELECT levels, note, rank_x
FROM cca_variables('SELECT i % 10, ''k'' || (i / 3) AS k FROM (SELECT a.i + 200 * b.i i FROM request a, request b WHERE b.i < 5)', 1) v,
     cca_query('SELECT i % 10, ''k'' || (i / 3) AS k FROM (SELECT a.i + 200 * b.i i FROM request a, request b WHERE b.i < 5)', 1)
WHERE side = 'x';

-- What cannot be.
SELECT * FROM cca_query('DELETE FROM request', 1);
SELECT * FROM cca_query('WITH a AS (SELECT 1) DELETE FROM request', 1);
SELECT * FROM cca_query('PRAGMA user_version = 7', 1);
SELECT * FROM cca_query('SELECT 1, 2; SELECT 3', 1);
SELECT * FROM cca_query('SELECT us FROM request', 1);
SELECT * FROM cca_query('SELECT us, queue FROM request', 2);
SELECT * FROM cca_query('SELECT us, ? FROM request', 1);
SELECT * FROM cca_query('SELECT us, none FROM request', 1);
SELECT * FROM cca_query('SELECT us, x''00'' AS raw FROM request', 1);
SELECT * FROM cca_query('SELECT us, iif(i = 5, 9e999, i) AS x FROM request', 1);
SELECT * FROM cca_query('SELECT us, queue FROM request', 1, -1);
CREATE TABLE itself AS SELECT 'SELECT * FROM cca_query((SELECT sql FROM itself), 1)' AS sql;
SELECT * FROM cca_query((SELECT sql FROM itself), 1);
CREATE VIEW trap AS SELECT * FROM cca_query('SELECT us, queue FROM request', 1);
SELECT * FROM trap;

-- Several sides at once, and how much one column tells about another.
SELECT round(brown_forsythe(us, queue), 4) f, round(brown_forsythe_p(us, queue), 4) f_p,
       round(kruskal(us, queue), 4) h, kruskal_p(us, queue) < 1e-9 h_p FROM request;
SELECT round(mutual_information(us, cache), 6) nats, round(mutual_information_p(us, cache), 6) p,
       round(cramers_v(us, cache), 6) v, round(mutual_information(us, queue, 4), 6) four_classes FROM request;
