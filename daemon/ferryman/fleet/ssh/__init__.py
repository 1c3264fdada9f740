"""SSH to hosts, and programs on them: alone in importing paramiko."""
