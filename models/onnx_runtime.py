"""ONNX Runtime without its reports to its maker.

Its recent builds keep an identifier of the machine in the home folder and send what they do
over the network, from the moment of import, unless the environment forbids it. hecha is offline:
every module that needs ONNX Runtime calls `forbid_telemetry` before it imports it, directly or
through another package.
"""

from __future__ import annotations

import os
from typing import Final

_SWITCHES: Final = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")
"""The variable that turns all reports off, and the name that it had in between."""


def forbid_telemetry() -> None:
    """Turn the reports of ONNX Runtime off for this process and those that it starts.

    It has no effect on a process that has imported the package before.
    """
    for name in _SWITCHES:
        os.environ[name] = "1"
