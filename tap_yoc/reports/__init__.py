"""Reports and their columns: the account's metadata, standard reports and custom reports."""
