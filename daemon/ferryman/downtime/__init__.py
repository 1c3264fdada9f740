"""What a VM's users felt: probes from outside, outages, measurements and their statistics."""
