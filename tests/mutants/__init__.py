"""Deliberate bugs in the tap. The simulator has to find each one: `make mutants`."""
