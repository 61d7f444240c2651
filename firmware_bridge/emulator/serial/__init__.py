"""Emulated serial lines: pseudo-terminals paced at line speed, with Modbus-RTU units whose values are the plant's."""
