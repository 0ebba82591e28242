"""The readers: one module a kind of fact. Each takes the view and gives facts with their ranges."""
