"""What is so now of each VM, each host and the fleet, and its history in git."""
