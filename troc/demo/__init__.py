"""The demo: a real grocer's receipts become points, and their owners trade them.

`receipts` turns the grocer's data into points, `stage` sets up a chain with brands and customers, `story`
tells what happens, `attempts` is what a brand tries and cannot do, `selling` is households that sell data,
`published` looks for what of it could be seen, `books` closes the accounts, `telling` speaks.
"""
