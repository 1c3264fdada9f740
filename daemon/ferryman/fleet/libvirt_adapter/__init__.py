"""The adapter of `Hypervisor` that speaks libvirt: alone in importing it."""
