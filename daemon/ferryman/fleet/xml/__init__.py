"""Reading and changing a domain's XML: pure."""
