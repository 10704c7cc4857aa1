"""A local simulation of YOC's publisher reporting API, with every plausible form of answers and faults on demand."""
