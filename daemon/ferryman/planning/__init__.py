"""What should be done, and why: pure functions from specs, snapshot and memory to a decision."""
