"""The evaluation checklist: what had to happen, what did, and what should be checked."""

from __future__ import annotations

from extractor.checklist.assemble import build_checklist
from extractor.checklist.model import Checklist

__all__ = ["Checklist", "build_checklist"]
