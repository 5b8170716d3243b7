"""A year of trade among a real grocer's customers, by three mechanisms beside each other.

`python -m benchmarks.market` writes benchmarks/market.md, market.json and the pictures in this folder.
"""
