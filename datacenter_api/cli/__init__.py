"""The rackwright command."""
