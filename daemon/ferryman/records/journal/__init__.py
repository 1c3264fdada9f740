"""What each attempt under way is about to do, written before it does it."""
