-- severity: high
-- reason: {accounts} accounts that had points of at most {fresh} days sent {units} to {recipient} within {days} days up to {day}
-- key: recipient, period
-- set accounts = 5
-- set fresh = 7
-- set days = 7
WITH fed AS (
    SELECT transfer.recipient, transfer.sender, transfer.time / 86400 AS day, SUM(transfer.units) AS units
    FROM chain_transfers AS transfer
    WHERE transfer.token = :token AND transfer.time >= :since - :days * 86400
        AND EXISTS (
            SELECT 1
            FROM chain_issues AS issue
            WHERE issue.token = transfer.token AND issue.recipient = transfer.sender
                AND issue.time <= transfer.time AND issue.time >= transfer.time - :fresh * 86400
        )
    GROUP BY transfer.recipient, transfer.sender, transfer.time / 86400
),
ends AS (
    SELECT DISTINCT recipient, day FROM fed WHERE day * 86400 > :since - 86400
),
sums AS (
    SELECT
        ends.recipient,
        ends.day,
        ends.day / :days AS period,
        COUNT(DISTINCT fed.sender) AS accounts,
        SUM(fed.units) AS units
    FROM ends
    JOIN fed ON fed.recipient = ends.recipient AND fed.day <= ends.day AND fed.day > ends.day - :days
    GROUP BY ends.recipient, ends.day
    HAVING COUNT(DISTINCT fed.sender) >= :accounts
)
-- One finding a recipient and `days`, however long it goes on.
SELECT recipient, period, MAX(day) AS day, MAX(accounts) AS accounts, CAST(MAX(units) AS BIGINT) AS units
FROM sums
GROUP BY recipient, period
ORDER BY period, recipient
