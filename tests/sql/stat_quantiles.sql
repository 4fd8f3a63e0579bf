-- Quantiles are exact, and there are nine definitions of them.
.nullvalue NULL
CREATE TABLE t(x);
INSERT INTO t VALUES (15), (20), (35), (40), (50), (NULL);

SELECT median(x), percentile(x, 40), percentile(x, 0), percentile(x, 100) FROM t;

-- quantile(x, p) is percentile_cont; a third argument chooses the definition: 1 is percentile_disc.
SELECT value, quantile(x, 0.4, value) FROM t, generate_series(1, 9) GROUP BY value;

-- Median absolute deviation (raw) and interquartile range.
SELECT mad(x), iqr(x), round(robust_cov(x), 6), round(1.4826 * mad(x) / median(x), 6) FROM t;

-- As window functions: the median of the last three.
SELECT x, median(x) OVER (ORDER BY rowid ROWS 2 PRECEDING) FROM t;

-- A percentile of nothing is NULL; the fraction is checked, and must not vary.
SELECT median(x) FROM t WHERE x > 1000;
SELECT percentile(x, 101) FROM t;
SELECT quantile(x, 0.1 + (x > 30) * 0.1) FROM t;
SELECT quantile(x, 0.5, 12) FROM t;
