-- binary: one trace point that leaves at most half of the stretch in one piece, so that every cycle halves what is
-- left; of several the one that is passed least often. Where none does, the one that leaves least.
SELECT tracepoint, format('binary: splits a stretch of %d events, at most %d of them left in one piece', total, largest)
       AS reason
FROM pythia_candidates
ORDER BY largest > total / 2.0, iif(largest <= total / 2.0, events, 0), largest, level, weight DESC, place, tracepoint
LIMIT 1
