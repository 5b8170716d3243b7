-- severity: medium
-- reason: {recipient} earned {issues} times on {day}, {units} together
-- key: recipient, day
-- set most = 5
WITH earned AS (
    SELECT recipient, time / 86400 AS day, units
    FROM chain_issues
    WHERE token = :token AND time > :since - 86400 AND kind NOT IN ('imported', 'released')
    UNION ALL
    SELECT customer, time / 86400, units
    FROM chain_pending
    WHERE token = :token AND time > :since - 86400
)
SELECT recipient, day, COUNT(*) AS issues, CAST(SUM(units) AS BIGINT) AS units
FROM earned
GROUP BY recipient, day
HAVING COUNT(*) > :most
ORDER BY day, recipient
