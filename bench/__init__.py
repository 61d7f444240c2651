"""Benchmarks that print ratios: each module's `run(record)` measures several interleaved rounds and records medians."""
