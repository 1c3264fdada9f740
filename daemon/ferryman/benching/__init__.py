"""There and back again, so many times: what each method costs one VM between two hosts."""
