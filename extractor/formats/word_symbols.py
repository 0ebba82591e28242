"""What the signs of symbol fonts look like, as Unicode has them; and signs in circles."""

from __future__ import annotations

from typing import Final


def _table(signs: str) -> dict[int, str]:
    return {int(sign[:2], 16): sign[2:] for sign in signs.split()}


CIRCLED: Final = {
    **{str(at): chr(0x245F + at) for at in range(1, 21)},
    **{str(at): chr(0x323C + at) for at in range(21, 36)},
    **{str(at): chr(0x328D + at) for at in range(36, 51)},
    **{sign: chr(0x3280 + at) for at, sign in enumerate("一二三四五六七八九十")},
}
"""1 to 50 and 一 to 十 in a circle, as 带圈字符 writes them."""
_FONTS: Final = {
    "wingdings": {
        **{0x80 + at: chr(0x245F + at) for at in range(1, 11)},
        **{0x8B + at: chr(0x2775 + at) for at in range(1, 11)},
        **_table("6C● 6E■ 6F□ 71□ 72□ 75◆ 76◆ 9F• A1○ A7▪ A8□ D8➢ DF← E0→ E8→ FB✗ FC✓ FD☒ FE☑"),
    },
    "wingdings 2": _table("2A□ 4F✗ 50✓ 51☒ 52☑ 53☒ 54☒ A3□"),
    "symbol": {
        **{at: chr(at) for at in range(0x20, 0x40)},
        **_table("61α 62β 64δ 67γ 6Cλ 6Dμ 70π 71θ 72ρ 73σ 77ω 44Δ 53Σ 57Ω"),
        **_table("A3≤ A5∞ AB↔ AC← AE→ B0° B1± B3≥ B4× B7• B8÷ B9≠ BB≈ D7·"),
    },
}
SYMBOL_FONTS: Final = frozenset((*_FONTS, "wingdings 3", "webdings", "zapf dingbats"))
"""The fonts, in small letters, whose letters are not letters."""


def is_private(code: int) -> bool:
    """Tell whether a code point is one by which Word addresses a symbol font (F000 to F0FF)."""
    return 0xF000 <= code <= 0xF0FF


def symbol(code: int, font: str) -> str | None:
    """Return the sign that `font` has at `code`, from F000 on or plain; None when not known."""
    return _FONTS.get(font.lower(), {}).get(code & 0xFF if is_private(code) else code)
