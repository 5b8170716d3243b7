-- severity: high
-- reason: {issuer} issued {units} on {day}, more than {times} times the {usual_units} of its usual day in the {days} days before
-- key: issuer, day
-- set times = 3
-- set days = 28
-- set history = 7
WITH issued AS (
    SELECT COALESCE(issuer, '') AS issuer, time / 86400 AS day, SUM(units) AS units
    FROM chain_issues
    WHERE token = :token AND kind <> 'imported' AND time >= :since - (:days + 1) * 86400
    GROUP BY COALESCE(issuer, ''), time / 86400
)
-- Its usual day is the mean of the days on which it issued; with fewer of them than `history` nobody can say.
SELECT
    today.issuer,
    today.day,
    CAST(today.units AS BIGINT) AS units,
    CAST(SUM(earlier.units) AS BIGINT) / COUNT(*) AS usual_units
FROM issued AS today
JOIN issued AS earlier
    ON earlier.issuer = today.issuer AND earlier.day < today.day AND earlier.day >= today.day - :days
WHERE today.day * 86400 > :since - 86400
GROUP BY today.issuer, today.day, today.units
HAVING COUNT(*) >= :history AND today.units * COUNT(*) > :times * SUM(earlier.units)
ORDER BY today.day, today.issuer
