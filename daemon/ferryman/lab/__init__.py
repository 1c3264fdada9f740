"""Rehearse it: real hosts on one machine, as namespaces, with real guests."""
