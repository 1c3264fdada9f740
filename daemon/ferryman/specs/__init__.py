"""What is wanted: specs read from committed TOML, checked, every error at once."""
