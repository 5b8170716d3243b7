"""Paid attention: campaigns, statements, tickets, credentials."""
