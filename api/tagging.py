"""The tagger that a command or the service is told to use."""

from __future__ import annotations

from api.console import wrong_use
from models import NoTagger, Tagger, TaggerError, ready_tagger


def tagger_of(name: str) -> Tagger | None:
    """Return the tagger of a command line, loaded; None for rules alone.

    Raises:
        BadParameter: it cannot be used; the message says why and what to do.
    """
    if name == NoTagger.name:
        return None
    try:
        return ready_tagger(name)
    except TaggerError as error:
        wrong_use(f"--tagger {name} 不能用。{error.message}只用规则请写 --tagger none。")
