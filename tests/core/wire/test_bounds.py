"""What a known peer may say of itself has bounds: what is beyond them is refused, and the peer stays."""

from __future__ import annotations

import msgspec
import pytest

from tests.core.wire.conversation import live, moment, sent
from vedette.wire.server import Phase


def refusal(method: str, params: object) -> str:
    """Of a request that is refused without ending the conversation."""
    connection = live()
    line = msgspec.json.encode({"v": "1", "id": "9", "source": "g", "method": method, "params": params}) + b"\n"
    (reply,) = sent(connection.receive(line, moment()))
    assert connection.phase is Phase.LIVE
    assert reply["error"]["code"] == 400
    return str(reply["error"]["message"])


@pytest.mark.parametrize("revision", [-1, 2**63, 10**30])
def test_a_revision_that_no_check_has_is_refused(revision: int) -> None:
    message = refusal("check_metrics.post", {"check_id": "chA", "check_revision": revision})
    assert message.startswith("check_metrics.post: params: Expected `int`")
    assert "check_revision" in message


def test_an_upload_of_files_without_end_is_refused() -> None:
    message = refusal("config_file.post", {"config_data": {f"{number}.yaml": "" for number in range(4_097)}})
    assert message == "config_file.post: config_data: expected at most 4096 files, got 4097"


def test_an_upload_with_a_name_that_no_file_can_have_is_refused() -> None:
    message = refusal("config_file.post", {"config_data": {"n" * 256: "type: agent.memory"}})
    assert message == "config_file.post: config_data: expected file names of at most 255 characters"
