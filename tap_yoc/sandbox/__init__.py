"""A local YOC: both endpoints of the reporting API over generated figures."""
