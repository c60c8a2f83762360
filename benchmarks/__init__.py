"""The benchmark: how fast this package is, measured beside its peers in one run of ``python -m benchmarks``."""
