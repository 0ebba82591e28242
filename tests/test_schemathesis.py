"""The running service does what its description says, whatever schemathesis thinks of sending."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable

from bench.soak import Service
from tests.api_client import REPORT, REPORT_ID

schemathesis = pytest.importorskip("schemathesis")
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = {"positive": 12, "negative": 5}
KNOWN = {"document_id": REPORT_ID}
"""What stands in the place of ids, so that more than 404 is met."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service"), workers=1)
    running.start()
    running.upload(REPORT)
    running.wait_until_done(1)
    yield running
    running.stop()


@pytest.mark.parametrize("mode", EXAMPLES)
def test_every_operation_conforms_to_the_description(service: Service, mode: str) -> None:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    faults, operations = [], 0
    for result in schema.get_all_operations():
        operation = result.ok()
        operations += 1
        fixed = {
            each.name: KNOWN[each.name] for each in operation.path_parameters if each.name in KNOWN
        }
        for known in [fixed, None] if fixed else [None]:
            try:
                _try(service, operation, mode, known)
            except Unsatisfiable:
                pass  # nothing about this operation can be sent wrongly
            except Exception as error:
                faults.append(f"{operation.label}: {_told(error)}")
            service.upload(REPORT)  # it may have been deleted
    assert operations > 10
    assert not faults, "\n\n".join(faults)


def _try(service: Service, operation: Any, mode: str, known: dict[str, str] | None) -> None:
    strategy = operation.as_strategy(
        generation_mode=schemathesis.GenerationMode(mode), path_parameters=known
    )

    @seed(6)
    @settings(
        max_examples=EXAMPLES[mode],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def send(case: Any) -> None:
        case.call_and_validate(base_url=service.url, checks=CHECKS)

    send()


def _told(error: BaseException) -> str:
    each = getattr(error, "exceptions", None)
    return "\n".join(_told(part) for part in each) if each else f"{type(error).__name__} {error}"
