"""Bringing a move to its one end: both ends looked at, a pure table asked, one safe step taken at a time."""
