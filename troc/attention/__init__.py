"""Paid attention: the messages that a campaign is paid by, and sets of contacts under one root."""
