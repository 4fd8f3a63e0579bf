-- How much do requests vary? Means, coefficients of variation, robust measures.
.nullvalue NULL
.headers on
CREATE TABLE requests(i INTEGER PRIMARY KEY, host TEXT, us REAL);
INSERT INTO requests(host, us) VALUES
  ('a', 100), ('a', 104), ('a', 96), ('a', 102), ('a', 98), ('a', NULL),
  ('b', 100), ('b', 104), ('b', 96), ('b', 102), ('b', 9800),
  ('c', 42), ('d', NULL);

-- The coefficient of variation is the standard deviation over the mean. One outlier makes it jump; the
-- robust one stays. A single value has no variation of a sample, and no values have none at all.
SELECT host, count(us) n, round(avg(us), 3) mean, round(stddev_samp(us), 4) stddev,
       round(cov(us), 6) cov, round(robust_cov(us), 6) robust, cov_pop(us) pop
FROM requests GROUP BY host;

-- Exact integers: variance 35/12 of 1..6 about any offset, even that of a clock in nanoseconds.
SELECT round(var_pop(value), 12) v FROM generate_series(1, 6);
SELECT round(var_pop(1714521600000000000 + value), 12) v FROM generate_series(1, 6);
SELECT var_samp(value) v, stddev_pop(value) s FROM json_each('[2, 4, 4, 4, 5, 5, 7, 9]');

-- Skewness and excess kurtosis, the sample forms; the hint at two modes is above 5/9.
SELECT round(skewness(value), 6) skewness, round(kurtosis(value), 6) kurtosis,
       round(bimodality(value), 6) bimodality FROM json_each('[1, 2, 3, 4, 10]');

-- Latencies are multiplicative: the spread of their logarithms.
SELECT round(geometric_cov(value), 6) g FROM json_each('[10, 20, 40, 80]');
SELECT geometric_cov(value) g FROM json_each('[0, 20, 40]');

-- What enters a window frame leaves it again without a trace: exact sums.
SELECT i, us, round(cov(us) OVER (ORDER BY i ROWS 2 PRECEDING), 6) cov
FROM (SELECT 1 i, 10.0 us UNION ALL VALUES (2, 20.0), (3, 1e15), (4, 10.0), (5, 20.0), (6, 30.0));

-- An infinite value has no place in a mean: the result is NULL. Text that is no number is an error.
SELECT cov(us) c FROM (SELECT 1.0 us UNION ALL VALUES (9e999), (3));
SELECT cov(us) c FROM (SELECT 1.0 us UNION ALL VALUES ('fast'), (3));
