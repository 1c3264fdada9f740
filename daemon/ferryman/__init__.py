"""Moves virtual machines between libvirt hosts as committed specs say, and measures what their users felt."""

__version__ = "0.1.0"
