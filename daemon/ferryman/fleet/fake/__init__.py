"""A fleet in memory: an adapter of `Hypervisor` that keeps the contract of the real one, and fails where told to.

Tests and rehearsals use it. What it does not know, it refuses; nothing in it waits for a clock.
"""
