"""Async shells, one module per port and protocol.  No decisions, no hidden retries."""

from firmware_bridge.drivers.factory import SerialPart, make_console, make_driver, needs_credential
from firmware_bridge.drivers.modbus.lines import SerialLines
from firmware_bridge.drivers.unfit import UnfitSource

__all__ = ["SerialLines", "SerialPart", "UnfitSource", "make_console", "make_driver", "needs_credential"]
