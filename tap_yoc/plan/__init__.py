"""The command `tap-yoc-plan`: which account reads which days, each in a run of its own."""
