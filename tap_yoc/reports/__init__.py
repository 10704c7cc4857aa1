"""Reports and their columns: what an account offers, the standard reports, and the user's own."""
