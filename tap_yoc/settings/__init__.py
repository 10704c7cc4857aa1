"""The settings: as users see them, as they come in, and in the types that the code uses."""
