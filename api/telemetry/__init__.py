"""What the service tells about itself: metrics, log lines, traces; never a name or a text."""
