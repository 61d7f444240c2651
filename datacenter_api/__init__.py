"""Northbound: REST, events, metrics, console, CLI.  Never talks to a device."""
