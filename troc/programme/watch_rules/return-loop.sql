-- severity: medium
-- reason: {holder} redeemed and had it given back {loops} times within {days} days up to {day}, {units} together
-- key: holder, period
-- set loops = 3
-- set days = 14
WITH returned AS (
    SELECT holder, receipt, MIN(time) / 86400 AS day, SUM(units) AS units
    FROM chain_give_backs
    WHERE token = :token AND time >= :since - :days * 86400
    GROUP BY holder, receipt
),
ends AS (
    SELECT DISTINCT holder, day FROM returned WHERE day * 86400 > :since - 86400
),
sums AS (
    SELECT ends.holder, ends.day, ends.day / :days AS period, COUNT(*) AS loops, SUM(returned.units) AS units
    FROM ends
    JOIN returned
        ON returned.holder = ends.holder AND returned.day <= ends.day AND returned.day > ends.day - :days
    GROUP BY ends.holder, ends.day
    HAVING COUNT(*) >= :loops
)
-- One finding an account and `days`, however long it goes on.
SELECT holder, period, MAX(day) AS day, MAX(loops) AS loops, CAST(MAX(units) AS BIGINT) AS units
FROM sums
GROUP BY holder, period
ORDER BY period, holder
