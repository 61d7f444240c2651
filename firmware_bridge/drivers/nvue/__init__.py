"""Drivers that speak NVUE, the REST interface of NVLink switches' operating system, over pinned HTTPS."""
