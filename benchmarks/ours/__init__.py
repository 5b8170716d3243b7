"""A module for each of this project's pillars, with `measure(chain)` that yields its records."""
