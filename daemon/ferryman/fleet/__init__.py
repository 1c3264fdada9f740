"""What is there: hosts and their VMs, seen and touched through libvirt and SSH."""
