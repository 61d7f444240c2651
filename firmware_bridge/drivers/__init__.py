"""Async shells, one module per port and protocol.  No decisions, no hidden retries."""

from firmware_bridge.drivers.factory import make_driver

__all__ = ["make_driver"]
