"""What goes on beside the reading of documents: unpacking batches, sending to webhooks."""
