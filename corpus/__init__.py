"""What hecha is measured on: a sample case that we wrote, its truth, and the scorer."""
