"""Reading documents in the background: which is next, who reads it, and what comes of it."""
