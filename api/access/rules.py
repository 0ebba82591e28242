"""What each route asks of its caller, and what the audit calls it: the one table.

A route that is not in the table is read by those who may read, changed by administrators alone,
and audited: whoever adds one and forgets this table opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api.scopes import ADMIN


@dataclass(frozen=True, slots=True)
class Rule:
    """The scope that a route asks for, None for everyone; and the action that the audit names.

    Changes are audited with what they change: `action` is for routes that show personal data.
    """

    scope: str | None
    action: str | None = None


_ANYONE: Final = Rule(None)
_READ: Final = Rule("read")

RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("GET", "/livez"): _ANYONE,
    ("GET", "/readyz"): _ANYONE,
    ("GET", "/login"): _ANYONE,
    ("POST", "/login"): _ANYONE,
    ("GET", "/login/oidc"): _ANYONE,
    ("GET", "/login/callback"): _ANYONE,
    ("POST", "/logout"): _READ,
    ("GET", "/logout/callback"): _ANYONE,
    ("POST", "/v1/documents"): Rule("upload"),
    ("GET", "/v1/documents"): _READ,
    ("GET", "/v1/documents/{document_id}"): _READ,
    ("POST", "/v1/documents/{document_id}/reprocess"): Rule("upload"),
    ("DELETE", "/v1/documents/{document_id}"): Rule("review"),
    ("GET", "/v1/documents/{document_id}/extraction"): Rule("read", "extraction.read"),
    ("GET", "/v1/documents/{document_id}/text"): Rule("read", "text.read"),
    ("GET", "/v1/documents/{document_id}/original"): Rule("read", "original.read"),
    ("GET", "/v1/documents/{document_id}/pages/{number}.png"): Rule("read", "page.read"),
    ("GET", "/v1/documents/{document_id}/checklist"): Rule("read", "checklist.read"),
    ("GET", "/v1/documents/{document_id}/checklist.xlsx"): Rule("read", "checklist.exported"),
    ("POST", "/v1/checklists"): Rule("read", "checklist.read"),
    ("GET", "/"): Rule("read", "checklist.read"),
    ("POST", "/"): Rule("upload"),
    ("GET", "/checklist.xlsx"): Rule("read", "checklist.exported"),
    ("GET", "/checklist.json"): Rule("read", "checklist.exported"),
    **dict.fromkeys(
        (
            ("GET", "/v1/cases"),
            ("GET", "/v1/cases/{case_id}"),
            ("GET", "/v1/documents/{document_id}/case"),
            ("GET", "/v1/batches"),
            ("GET", "/v1/batches/{batch_id}"),
            ("GET", "/v1/batches/{batch_id}/items"),
            ("GET", "/v1/events"),
        ),
        _READ,
    ),
    **dict.fromkeys(
        (
            ("POST", "/v1/cases"),
            ("PATCH", "/v1/cases/{case_id}"),
            ("DELETE", "/v1/cases/{case_id}"),
            ("PUT", "/v1/cases/{case_id}/documents/{document_id}"),
            ("DELETE", "/v1/cases/{case_id}/documents/{document_id}"),
            ("POST", "/v1/cases/{case_id}/merge"),
            ("POST", "/v1/cases/{case_id}/regroup"),
            ("POST", "/v1/documents/{document_id}/regroup"),
            ("POST", "/cases/{case_id}/move"),
            ("POST", "/cases/{case_id}/regroup"),
            ("POST", "/documents/{document_id}/regroup"),
            ("PUT", "/v1/documents/{document_id}/hold"),
            ("DELETE", "/v1/documents/{document_id}/hold"),
        ),
        Rule("review"),
    ),
    **dict.fromkeys(
        (
            ("POST", "/v1/batches"),
            ("POST", "/v1/batches/{batch_id}/cancel"),
            ("POST", "/v1/batches/{batch_id}/retry"),
            ("DELETE", "/v1/batches/{batch_id}"),
        ),
        Rule("upload"),
    ),
    **dict.fromkeys(
        (
            ("GET", "/v1/webhooks"),
            ("POST", "/v1/webhooks"),
            ("GET", "/v1/webhooks/{webhook_id}"),
            ("PATCH", "/v1/webhooks/{webhook_id}"),
            ("DELETE", "/v1/webhooks/{webhook_id}"),
            ("POST", "/v1/webhooks/{webhook_id}/test"),
            ("POST", "/v1/webhooks/{webhook_id}/rotate-secret"),
            ("GET", "/v1/webhooks/{webhook_id}/deliveries"),
            ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"),
        ),
        Rule(ADMIN),
    ),
    ("GET", "/v1/cases/{case_id}/checklist"): Rule("read", "checklist.read"),
    ("GET", "/v1/cases/{case_id}/checklist.xlsx"): Rule("read", "checklist.exported"),
    ("GET", "/v1/cases/{case_id}/checklist.csv"): Rule("read", "checklist.exported"),
    ("GET", "/v1/search"): Rule("read", "search.read"),
    ("GET", "/v1/keys"): Rule(ADMIN),
    ("POST", "/v1/keys"): Rule(ADMIN),
    ("DELETE", "/v1/keys/{key_id}"): Rule(ADMIN),
    ("GET", "/v1/audit"): Rule(ADMIN, "audit.read"),
}
"""By method and path as the route writes it."""

ONLY_WHEN_SHOWN: Final = frozenset({("GET", "/")})
"""Routes whose answer holds personal data only if it was made of documents; see `acting.shown`."""

NOTED_BY_THEMSELVES: Final = frozenset(
    {
        ("POST", "/"),
        ("POST", "/v1/documents"),
        ("POST", "/v1/checklists"),
        ("POST", "/logout"),
        ("DELETE", "/v1/keys/{key_id}"),
    }
)
"""Routes that audit what they change and sometimes change nothing; others are audited in any case.
"""

OPEN_PATHS: Final = frozenset({"/livez", "/readyz", "/openapi.json"})
"""What anyone may ask without limit: it says nothing of any document."""

LOGIN_PATHS: Final = frozenset({"/login", "/login/oidc", "/login/callback", "/logout/callback"})
"""What anyone may ask to become known, or once they are no longer, at a lower limit."""

METRICS_PATH: Final = "/metrics"
"""What needs no key: the route itself looks where a request comes from (HECHA_METRICS)."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def rule_of(method: str, path: str) -> Rule:
    """Return the rule of a route, by its method and its path with the names of parameters."""
    rule = RULES.get((method, path))
    if rule is not None:
        return rule
    if path == METRICS_PATH:
        return _ANYONE
    return Rule("read", "other.read") if method in _SAFE else Rule(ADMIN)
