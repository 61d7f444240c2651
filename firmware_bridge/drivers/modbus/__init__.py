"""Modbus-RTU drivers: one owner per serial line, one source per tray.  No decisions, no hidden retries."""
