"""Rack designs and sites read from files, checked and located to the line."""
