"""What is learned: taggers that propose names. The reader works without any of them."""

from models.loading import load_tagger
from models.spacy_tagger import SpacyTagger
from models.tagger import Label, Mention, NoTagger, Tagger, TaggerError

__all__ = [
    "Label",
    "Mention",
    "NoTagger",
    "SpacyTagger",
    "Tagger",
    "TaggerError",
    "load_tagger",
]
