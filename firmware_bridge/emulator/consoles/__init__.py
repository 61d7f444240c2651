"""Emulated serial consoles: a scripted host behind an SSH port or a pseudo-terminal."""
