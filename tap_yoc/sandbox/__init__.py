"""A local stand-in for YOC's publisher reporting API, with every plausible form and fault on demand."""
