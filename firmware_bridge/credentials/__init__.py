"""Credentials of endpoints, encrypted at rest.  Nothing here ever logs or prints a secret."""
