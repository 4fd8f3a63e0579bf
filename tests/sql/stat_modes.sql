-- One mode or several? A fast path and a slow one: 700 values around 420, 300 around 900.
.nullvalue NULL
CREATE TABLE bell(z); -- seven values with the spread of a normal distribution
INSERT INTO bell VALUES (-1.5), (-0.8), (-0.4), (0.0), (0.4), (0.8), (1.5);
CREATE TABLE latency AS
  SELECT (iif(i < 700, 420, 900) * (1 + 0.05 * (a.z + b.z + c.z) / 1.7 + 0.0001 * (i * 7919 % 97))) us
  FROM (SELECT value i FROM generate_series(0, 999))
  JOIN bell a ON a.rowid = 1 + i % 7
  JOIN bell b ON b.rowid = 1 + (i / 7) % 7
  JOIN bell c ON c.rowid = 1 + (i / 49) % 7;

SELECT modes(us), histogram(us, 40) FROM latency;
SELECT modes(us), histogram(us, 40) FROM latency WHERE us < 650;
SELECT dip(us) > 0.05, dip_p(us), dip_p(us) < 0.001 FROM latency;
SELECT round(value->>'location') location, round(value->>'low') low, round(value->>'high') high,
       value->>'mass' mass, value->>'n' n
FROM json_each((SELECT multimodality(us) FROM latency), '$.modes');

-- The dip of n values lies between 1/(2n), where p is 1, and 1/4; p is never 0.
SELECT dip(value), dip_p(value) FROM json_each('[0, 1, 3, 6]');
SELECT dip(value), dip_p(value) FROM json_each('[1, 1, 2, 2]');
SELECT dip(value), dip_p(value) FROM json_each('[7, 7, 7, 7, 7]');
SELECT dip(value), dip_p(value) FROM json_each('[]');

-- A clock that ticks in whole milliseconds makes ties, and ties look like modes. Naming its resolution
-- takes that back.
CREATE TABLE ticks AS
  WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000)
  SELECT CAST(sqrt(i * 0.02) AS INTEGER) ms FROM c;
SELECT dip_p(ms) < 0.001 raw, dip_p(ms, 1) > 0.5 with_resolution, modes(ms) FROM ticks;
SELECT histogram(ms, 7) FROM ticks;
SELECT histogram_json(ms, 3) FROM ticks;

-- Rare and slow: 15 of 715, far away. The dip sees nothing there.
CREATE TABLE rare AS SELECT us FROM latency WHERE us < 650
  UNION ALL SELECT 4000 + 20 * value FROM generate_series(1, 15);
SELECT dip_p(us) > 0.1 dip_sees_nothing, modes(us) FROM rare;

-- Nonsense is refused.
SELECT histogram(us, 5000) FROM latency;
SELECT dip(us, 'coarse') FROM latency;
