"""What services share: durable acceptance, one service a database, refusals, small requests, serving."""
