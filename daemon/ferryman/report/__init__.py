"""What the audit trail adds up to, as one page for a browser: `selecting` and `summing` decide, `page` renders."""
