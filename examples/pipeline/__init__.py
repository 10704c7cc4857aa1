"""What both engines run: the tap by its plan, and its rows in files of one partition each."""
