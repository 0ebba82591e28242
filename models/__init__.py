"""What is learned: taggers that propose names. The reader works without any of them."""

from models.jieba_tagger import JiebaTagger
from models.loading import load_tagger
from models.spacy_tagger import SpacyTagger
from models.tagger import (
    Label,
    Mention,
    NoTagger,
    Role,
    RoleSpan,
    RoleTagger,
    Tagger,
    TaggerError,
)
from models.transformers_tagger import TransformersTagger

__all__ = [
    "JiebaTagger",
    "Label",
    "Mention",
    "NoTagger",
    "Role",
    "RoleSpan",
    "RoleTagger",
    "SpacyTagger",
    "Tagger",
    "TaggerError",
    "TransformersTagger",
    "load_tagger",
]
