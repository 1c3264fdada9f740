"""Which of several daemons on different machines may act."""
