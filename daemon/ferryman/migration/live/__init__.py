"""Live moves: the hypervisor's migration, and how it is steered."""
