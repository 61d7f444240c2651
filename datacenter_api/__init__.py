"""Northbound: REST, events, metrics, console, CLI.  Never talks to a device."""

__version__ = "0.1.0"
