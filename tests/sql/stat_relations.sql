-- Which key goes with the duration? Correlation of pairs, then of many variables.
.nullvalue NULL
CREATE TABLE request AS
  WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 199)
  SELECT i, 'r' || i id, i * 37 % 11 queue, i * 53 % 7 payload,
         iif(i % 5 = 0, 'miss', 'hit') cache, 1 version,
         100 + 20 * (i * 37 % 11) + iif(i % 5 = 0, 60, 0) + (i * 7919 % 23) us
  FROM c;

SELECT round(corr(us, queue), 6), round(corr_spearman(us, queue), 6), round(corr(us, payload), 2),
       round(covar_samp(us, queue), 4), round(covar_pop(us, queue), 4), corr(us, version)
FROM request;

-- Half of the variance of a sum can be told apart: the shares of the parts add up to 1.
SELECT round(covar_samp(20 * queue, us) / var_samp(us), 4)
     + round(covar_samp(us - 20 * queue, us) / var_samp(us), 4) FROM request;

-- cca(): the joint analysis, and each variable alone. Text is a category.
SELECT round(j->>'correlation', 6) r, j->>'n' n, j->>'rank' rank, j->>'df1' df1, j->>'df2' df2,
       j->>'p' < 1e-100 sure
FROM (SELECT cca(us, queue, payload, cache) j FROM request);
SELECT value->>'variable' variable, value->>'kind' kind, value->>'levels' levels,
       round(value->>'correlation', 4) correlation, value->>'p' < 0.001 significant,
       value->>'note' note
FROM json_each((SELECT cca(us, queue, payload, cache, version, id, 2 * queue + 1) FROM request),
               '$.variables');

-- The multiple correlation of one variable is the correlation.
SELECT round(cca(us, queue)->>'correlation' - corr(us, queue), 12) FROM request;

-- Rows with a NULL anywhere are dropped, and counted.
SELECT j->>'n', j->>'dropped' FROM (SELECT cca(us, nullif(queue, 3)) j FROM request);

-- Many tests at once: corrected p-values. The frame is part of the call.
SELECT p, p_adjust(p, 'BH') OVER w bh, p_adjust(p, 'holm') OVER w holm,
       p_adjust(p, 'bonferroni') OVER w bonferroni
FROM (SELECT 0.01 p UNION ALL VALUES (NULL), (0.02), (0.125), (0.5))
WINDOW w AS (ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING);

-- Two sides of one column: how far apart are hits and misses? The lesser side (hit) comes first.
SELECT round(ks(us, cache), 4) ks, ks_p(us, cache) < 0.001 sure, round(cliffs_delta(us, cache), 4) delta,
       mann_whitney(us, cache) u, round(wasserstein(us, cache), 3) us_apart
FROM request;
SELECT ks(us, queue) FROM request;

SELECT corr('fast', us) FROM request;
SELECT cca(us) FROM request;
SELECT p_adjust(us, 'BH') OVER (ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) FROM request;
