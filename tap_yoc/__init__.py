"""Singer tap for YOC's publisher reporting API."""
