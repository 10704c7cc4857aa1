"""What the commands share: reading JSON files, and the progress display."""
