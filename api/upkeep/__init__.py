"""What keeps an installation in order: retention, back-up and restore."""
