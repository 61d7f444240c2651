"""Switching trays through the Redfish service: what is offered, tasks that follow it, aggregates of several."""
