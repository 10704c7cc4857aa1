"""What the commands share: reading JSON files, the progress display, and the start and end of the process."""
