"""A module for each peer, with `measure(chain)` that yields its records. A new module is found by itself."""
