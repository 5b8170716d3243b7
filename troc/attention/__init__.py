"""Paid attention: contacts that a brand pays a customer for, counted as sets."""
