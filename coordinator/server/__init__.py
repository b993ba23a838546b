"""Waitress and what surrounds it: threads, limits, waiting, draining."""
