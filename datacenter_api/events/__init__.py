"""Server-sent events for people and tools."""
