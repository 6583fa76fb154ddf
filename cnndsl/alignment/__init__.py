"""Two networks side by side by structure: what importing weights, conforming and comparing share."""
