"""The settings: their schema, reading and checking them, and the types that the code uses."""
