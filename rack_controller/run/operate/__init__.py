"""Durable work: the ledger of effects, the worker that acts once, the leases, the operations.  Decides nothing."""
