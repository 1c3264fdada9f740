"""What happened: state, audit records and the journal, as TOML under git."""
