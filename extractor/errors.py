"""Every error that the library raises on purpose.

HechaError
├── ParseError                 the bytes could not be read
│   ├── EmptyFileError         file_empty
│   ├── UnsupportedFormatError format_unsupported
│   ├── EncryptedFileError     file_encrypted
│   ├── CorruptFileError       file_corrupt
│   ├── LimitError             limit_exceeded
│   ├── ContainerError         container_ambiguous
│   ├── MissingToolError       tool_missing
│   └── CrashError             parse_crashed
├── NoLayoutError              layout_missing: the format has no pages to show
├── PageNotFoundError          page_not_found: the file has no such page
├── SpanError                  span_invalid: a range outside the text, a mistake of the program
└── GroundingError             grounding_failed: a value that its range does not state

Each class has a stable `code` for the API; each message says what, where, and what to do.
"""

from __future__ import annotations


class HechaError(Exception):
    """Base of all errors of hecha; `code` is stable and part of the API."""

    code = "hecha_error"

    def __init__(self, message: str, *, page: int | None = None) -> None:
        """Make an error with a Chinese message for the user, and the page where it was met."""
        super().__init__(message)
        self.message = message
        self.page = page


class ParseError(HechaError):
    """The bytes could not be turned into a document."""

    code = "parse_failed"


class EmptyFileError(ParseError):
    """The file has no bytes, no pages or no text."""

    code = "file_empty"


class UnsupportedFormatError(ParseError):
    """The content is of no type that this installation reads."""

    code = "format_unsupported"


class EncryptedFileError(ParseError):
    """The file asks for a password."""

    code = "file_encrypted"


class CorruptFileError(ParseError):
    """The file is cut off or damaged."""

    code = "file_corrupt"


class LimitError(ParseError):
    """The file is over a limit; the message names the limit and how to raise it."""

    code = "limit_exceeded"


class ContainerError(ParseError):
    """The file holds several files, or none that can be read, where one document is wanted."""

    code = "container_ambiguous"


class MissingToolError(ParseError):
    """A program or package that this format needs is not installed."""

    code = "tool_missing"


class CrashError(ParseError):
    """The process that read the file broke down; no other file is touched by that."""

    code = "parse_crashed"


class NoLayoutError(HechaError):
    """The format has no layout of its own, so there is no picture of a page."""

    code = "layout_missing"


class PageNotFoundError(HechaError):
    """The file has no page of this number."""

    code = "page_not_found"


class SpanError(HechaError):
    """A range outside the text, or lines that do not make up their block."""

    code = "span_invalid"


class GroundingError(HechaError):
    """A value that is not stated in the range it points to."""

    code = "grounding_failed"
