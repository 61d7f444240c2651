"""The REST routes under /api/v1 and the pages beside them, one module per noun."""
