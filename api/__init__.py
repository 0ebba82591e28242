"""The HTTP service: documents in, extraction and evaluation checklist out."""
