"""What is learned: taggers that propose names. The reader works without any of them."""

from models.jieba_tagger import JiebaTagger
from models.lac_tagger import LacTagger
from models.loading import load_tagger
from models.spacy_tagger import SpacyTagger
from models.tagger import Label, Mention, NoTagger, Tagger, TaggerError
from models.transformers_tagger import TransformersTagger

__all__ = [
    "JiebaTagger",
    "Label",
    "LacTagger",
    "Mention",
    "NoTagger",
    "SpacyTagger",
    "Tagger",
    "TaggerError",
    "TransformersTagger",
    "load_tagger",
]
