"""What becomes of the disks at both ends: made ready, proved to be shared or apart, taken away again."""
