"""Racks under control: model, pure decisions, the loop, the journal.  Speaks no device protocol, serves no HTTP."""
