"""Invented reports, replies, evaluations and decisions, each with its exact truth.

The rows under `rows/` hold the language; the modules are mechanism. Nothing here is taken from a
real document, and no name belongs to a real case.
"""

from corpus.synthetic.grammar import SPLITS, Split
from corpus.synthetic.loose import loose_many
from corpus.synthetic.synthesize import Synthetic, synthesize, synthesize_many, write_folder

__all__ = [
    "SPLITS",
    "Split",
    "Synthetic",
    "loose_many",
    "synthesize",
    "synthesize_many",
    "write_folder",
]
