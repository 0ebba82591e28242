"""What is learned: taggers that propose names, and what ranks answers. All of it is optional."""

from models.jieba_tagger import JiebaTagger
from models.lac_tagger import LacTagger
from models.likeness_ranking import Ranked, Ranker, VectorRanker, WordRanker, likeness, load_ranker
from models.loading import DEFAULT_TAGGER, load_tagger, ready_tagger
from models.spacy_tagger import SpacyTagger
from models.tagger import (
    Label,
    LineTagger,
    Mention,
    NoTagger,
    Role,
    RoleSpan,
    RoleTagger,
    Tagger,
    TaggerError,
)
from models.together import TogetherTagger, together
from models.transformers_tagger import TransformersTagger

__all__ = [
    "DEFAULT_TAGGER",
    "JiebaTagger",
    "Label",
    "LacTagger",
    "LineTagger",
    "Mention",
    "NoTagger",
    "Ranked",
    "Ranker",
    "Role",
    "RoleSpan",
    "RoleTagger",
    "SpacyTagger",
    "Tagger",
    "TaggerError",
    "TogetherTagger",
    "TransformersTagger",
    "VectorRanker",
    "WordRanker",
    "likeness",
    "load_ranker",
    "load_tagger",
    "ready_tagger",
    "together",
]
