"""The command `tap-yoc-plan`: splits each account's days into separate runs."""
