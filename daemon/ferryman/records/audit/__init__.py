"""The audit trail: a record of each attempt, never changed; and how thousands of them are read."""
