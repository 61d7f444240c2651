"""Acceptance runs as the API and the command line see them: folders read, waivers and photos kept, reports made."""
