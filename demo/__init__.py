"""The demo: Meltano, the tap, and a local YOC that moves on by a day (`make demo`)."""
