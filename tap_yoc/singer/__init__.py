"""What knows the Singer SDK, below the tap and its streams: settings, catalog, state, messages, the command."""
