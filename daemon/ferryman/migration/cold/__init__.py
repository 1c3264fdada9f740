"""Cold moves: shutdown, disks, definition, start."""
