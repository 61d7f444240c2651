"""The console at /console."""
