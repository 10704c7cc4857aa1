"""The Singer SDK's side of the tap: settings, catalog, state, messages, the command."""
