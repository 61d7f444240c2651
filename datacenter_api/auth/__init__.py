"""Accounts, sessions, roles and the certificate authority."""
