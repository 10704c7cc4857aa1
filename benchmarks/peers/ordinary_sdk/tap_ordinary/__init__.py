"""An ordinary Singer tap for the same report, written as the SDK's documentation and template lead to it."""
