"""Measurements: how fast the reader is, on this machine, now."""
