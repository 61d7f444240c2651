"""Modbus-RTU without a line: register maps, values, frames, reading plans and the time each takes.  Pure."""
