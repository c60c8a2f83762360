"""How fast this package is, in one run beside its peers. Run it with ``python -m benchmarks``; see README.md."""
