"""Gas of Troc's contracts and of their peers, measured on one local chain.

`python -m benchmarks` writes `gas.json` and `gas.md`; docs/benchmarks.md says what is compared with what.
"""
