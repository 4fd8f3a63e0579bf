-- covariance: trace points that also lie in other edges of the group which vary together with this one, the more
-- the better; then as binary.
SELECT tracepoint,
       iif(covariance > 0, format('covariance: shares %.0f %% of the variance with other edges', 100 * covariance),
           format('covariance: no other edge has it; at most %d of %d events left in one piece', largest, total))
       AS reason
FROM pythia_candidates ORDER BY round(covariance, 3) DESC, largest, level, weight DESC, place, tracepoint
