"""Doing it: live and cold migration, and the undoing of either."""
