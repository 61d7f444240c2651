"""Tells people outside of alarms: by webhook and by mail."""
