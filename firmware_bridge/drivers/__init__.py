"""Async shells, one module per port and protocol.  No decisions, no hidden retries."""
