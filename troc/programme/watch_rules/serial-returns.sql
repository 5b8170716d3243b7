-- severity: low
-- reason: {customer} returned {returns} purchases within {days} days up to {day}, {units} together
-- key: customer, period
-- set returns = 4
-- set days = 28
WITH returned AS (
    SELECT customer, issuer, number, MIN(time) / 86400 AS day, SUM(units) AS units
    FROM chain_pending_changes
    WHERE token = :token AND kind = 'cancelled' AND time >= :since - :days * 86400
    GROUP BY customer, issuer, number
),
ends AS (
    SELECT DISTINCT customer, day FROM returned WHERE day * 86400 > :since - 86400
),
sums AS (
    SELECT ends.customer, ends.day, ends.day / :days AS period, COUNT(*) AS returns, SUM(returned.units) AS units
    FROM ends
    JOIN returned
        ON returned.customer = ends.customer AND returned.day <= ends.day AND returned.day > ends.day - :days
    GROUP BY ends.customer, ends.day
    HAVING COUNT(*) >= :returns
)
-- One finding a customer and `days`, however long it goes on.
SELECT customer, period, MAX(day) AS day, MAX(returns) AS returns, CAST(MAX(units) AS BIGINT) AS units
FROM sums
GROUP BY customer, period
ORDER BY period, customer
