-- severity: high
-- reason: {recipient} issues points or is a clerk, and got {units} in {issues} issues by {issuer} on {day}
-- key: recipient, issuer, day
-- set least = 1
WITH earned AS (
    SELECT COALESCE(issuer, '') AS issuer, recipient, time / 86400 AS day, units
    FROM chain_issues
    WHERE token = :token AND time >= :since AND kind NOT IN ('imported', 'released')
    UNION ALL
    SELECT COALESCE(issuer, ''), customer, time / 86400, units
    FROM chain_pending
    WHERE token = :token AND time >= :since
)
SELECT recipient, issuer, day, COUNT(*) AS issues, CAST(SUM(units) AS BIGINT) AS units
FROM earned
WHERE recipient IN :clerks OR recipient IN (SELECT issuer FROM chain_grants WHERE token = :token)
GROUP BY recipient, issuer, day
HAVING COUNT(*) >= :least
ORDER BY day, recipient, issuer
