"""Prometheus exposition from memory."""
