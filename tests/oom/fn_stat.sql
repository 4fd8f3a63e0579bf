-- retry
-- The statistical functions: values that are kept, sorted, copied for a window frame, and put into JSON.
CREATE TABLE t(x, y, c);
INSERT INTO t WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 40)
  SELECT i * 7919 % 101, i * i % 37, iif(i % 3, 'a', 'b') FROM i;
INSERT INTO t VALUES (NULL, 1, 'a');
-- fail
SELECT median(x), quantile(x, 0.3, 6), mad(x), iqr(x), cov(x), skewness(x), corr(x, y) FROM t;
SELECT dip(x), dip_p(x, 0.5), modes(x), multimodality(x), histogram(x), histogram_json(x, 3) FROM t;
SELECT corr_spearman(x, y), cca(x, y, c, x || '-', 5) FROM t;
SELECT robust_cov(x) OVER w, corr_spearman(x, y) OVER w FROM t WINDOW w AS (ORDER BY y ROWS 5 PRECEDING);
SELECT p_adjust(x / 200.0, 'hommel') OVER (ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) FROM t;
SELECT ks(x, c), ks_p(x, c), mann_whitney(x, c), mann_whitney_p(x, c), cliffs_delta(x, c), wasserstein(x, c) FROM t;
SELECT brown_forsythe(x, c), kruskal_p(x, c), energy_distance(x, c), mutual_information(x, c), cramers_v(x, y) FROM t;
SELECT correlation, p_value, p_permutation FROM cca_query('SELECT x, y, c FROM t', 1, 3);
SELECT dimension, variable, loading, note FROM cca_variables('SELECT x, y, 2 * y, x * y FROM t', 1);
SELECT mixture(x), folding_ratio(x), corr_p(x, y), corr_spearman_p(x, y), ks_p(x, c) FROM t;
