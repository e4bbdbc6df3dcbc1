"""Backends: one folder per target, all of one shape; imported as ``hmn_snn.backends``."""
