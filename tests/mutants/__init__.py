"""Deliberate breakages of the tap, each of which the simulator has to find: `make mutants`."""
