"""What the commands share: reading JSON files, the progress display, and the end of the process."""
