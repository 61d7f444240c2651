"""A rack's alarms at work."""
