"""How a sanction is put in words, wherever a person reads it."""

from __future__ import annotations

from extractor.checklist.model import Treatment

_WAN = 10_000
STAGE_LABELS = {
    "proposed": "建议",
    "decided": "已决定",
    "executed": "已执行",
    "not_executed": "未执行",
}


def format_yuan(amount: int) -> str:
    """Return a sum as officials write it: 600000 → 60万元, 33000 → 3.3万元, 4512 → 4512元."""
    if amount >= _WAN and amount % 100 == 0:
        return f"{amount / _WAN:.2f}".rstrip("0").rstrip(".") + "万元"
    return f"{amount}元"


def describe_treatment(treatment: Treatment) -> str:
    """Return a sanction in words: 罚款60万元; 暂扣许可证件60日; 书面检查（向县人民政府）."""
    words = treatment.label
    if treatment.amount_yuan is not None:
        words += format_yuan(treatment.amount_yuan)
    if treatment.income_percent is not None:
        words += f"（上一年年收入的{treatment.income_percent:g}%）"
    if treatment.term:
        words += f"（{treatment.term}）"
    if treatment.recipient:
        words += f"（向{treatment.recipient}）"
    return words
