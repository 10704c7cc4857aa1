"""The command `tap-yoc-target-postgres`: the loader target-postgres, with an exact COPY."""
