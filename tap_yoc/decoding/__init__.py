"""Decoding: from the bytes of an answer to typed rows."""
