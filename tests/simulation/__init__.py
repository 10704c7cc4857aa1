"""Whole lives of a pipeline, simulated: account, server, faults, mornings, target, oracle."""
