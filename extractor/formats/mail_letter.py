"""A letter as its readers give it, whatever file it came in, and the decoding of its headers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

from extractor.formats.containers import decode_name
from extractor.formats.plaintext import decode_as

_LONGEST_HEADER: Final = 4000
_ENCODED: Final = re.compile(r"\?=\s{1,20}=\?")


@dataclass(slots=True)
class Letter:
    """A letter, whatever file it came in; `heads` are (label, text) in the order to show.

    `is_torn` says that the end of its parts is missing.
    """

    subject: str = ""
    heads: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    attachments: list[tuple[str, bytes]] = field(default_factory=list)
    is_torn: bool = False


def unfold(value: object) -> str:
    """Decode the RFC 2047 words of a header; line folds become spaces."""
    text = str(value)[:_LONGEST_HEADER]
    if "=?" in text:
        text = _decode_words(_ENCODED.sub("?==?", text))
    return re.sub(r"\s{1,200}", " ", text).strip()


def _decode_words(text: str) -> str:
    """Decode RFC 2047; words of one encoding are joined first, for some cut a character in two."""
    try:
        words = decode_header(text)
    except (HeaderParseError, ValueError, LookupError):
        return text
    runs: list[tuple[bytes, str | None]] = []
    for word, charset in words:
        raw = word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word
        if runs and runs[-1][1] == charset:
            runs[-1] = runs[-1][0] + raw, charset
        else:
            runs.append((raw, charset))
    return "".join(decode_as(raw, charset) or decode_name(raw) for raw, charset in runs)
