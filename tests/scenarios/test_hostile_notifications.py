"""Hostile notifications, row by row: the answer, what the spool then holds, whom we asked, the log, the longest block.

Every row goes to the live hooks front with the readers of all three providers; what is genuine in it is read and
applied before the spool is looked at.
"""

import ast
import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effort import LONGEST_BLOCK_S, unless_each_time
from tests.scenarios.hooks_stand import CORPUS, GIVEN, Row, Site, Stand, play, posts_of
from tests.unit.providers.notice_kit import PASSWORD, sendgrid_headers

TOP = Path(__file__).resolve().parents[2]
DATA = json.loads((CORPUS / "hostile.json").read_text())
PRESETS = DATA["presets"]
ROWS: list[Row] = DATA["rows"]
BLOCKS: dict[str, float] = {}


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """The thread of the front."""
    one = Stand()
    yield one
    one.close()


@pytest.mark.hostile
@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
@unless_each_time
def test_a_hostile_notification_meets_its_answer(stand: Stand, row: Row) -> None:
    """Answered as given, no effect but the given one, nobody asked but SNS, a clean log, a loop that is never held."""
    with stand.site() as site:
        for post in posts_of(row):
            assert set(play(site, post, PRESETS)) == {post["answer"]}
        stand.settled(site)
        found = stand.found(site)
        assert found["fates"] == row.get("fates", {})
        assert found["suppressed"] == row.get("suppressed", [])
        assert found["tenants"] == row.get("tenants", ["main"] if row.get("suppressed") else [])
        assert found["stored"] == row.get("stored", 0)
        assert found["facts"] == row.get("facts", 0)
        assert found["asked"] == row.get("asked", [])
        assert found["confirmed"] == row.get("confirmed", 0)
        if "verdict" in row:
            assert found["verdicts"] == {row["verdict"]: row.get("times", 1)}
        BLOCKS[row["id"]] = stand.loop.longest_s
        stand.loop.check()
        assert_log_is_clean(site)
        assert_server_is_sane(stand, site)
        assert site.unhandled == []


@pytest.mark.hostile
@pytest.mark.parametrize("head", ["a stranger's", "a signature's"])
def test_idle_strangers_close_no_hook(stand: Stand, head: str) -> None:
    """Sixty-five connections announce a megabyte each and send nothing: what a provider posts meanwhile is taken."""
    headers = sendgrid_headers(b"") if head == "a signature's" else {"x": "y"}
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST /hooks/sendgrid HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n{text}\r\n".encode()
    with stand.site() as site:
        idle = [socket.create_connection(("127.0.0.1", site.serving.port)) for _ in range(65)]
        try:
            for one in idle:
                one.sendall(request)
            if head == "a stranger's":
                assert idle[-1].recv(100).startswith(b"HTTP/1.1 403")
            for second in range(10, 30):
                genuine = {"to": "postmark", "tells": "postmark-delivery", "but": {"10:15:34": f"10:15:{second}"}}
                assert play(site, genuine, PRESETS) == [200]
        finally:
            for one in idle:
                one.close()


def assert_server_is_sane(stand: Stand, site: Site) -> None:
    """The next notification is taken, and counts."""
    before = stand.found(site)["stored"]
    genuine = {"to": "postmark", "tells": "postmark-delivery", "but": {"10:15:34": "10:15:33"}}
    assert play(site, genuine, PRESETS) == [200]
    assert stand.found(site)["stored"] == before + 1


def assert_log_is_clean(site: Site) -> None:
    """Every line is one JSON object of printable ASCII; no address, secret, token or content in it; no bug."""
    never = ["@", "hunter2", PASSWORD, "2336412f37fb", "theirs-", "550 5", "evil", "Unsubscribe\\r"]
    addresses = [address for recipients in GIVEN.values() for address in recipients]
    lines = b"".join(site.lines).splitlines()
    assert len(lines) < 60
    for line in lines:
        text = line.decode("ascii")
        assert text.isprintable()
        told = json.loads(text)
        assert told["event"] != "bug", told
        assert not [word for word in (*never, *addresses) if word in text], text


def test_the_longest_blocks_are_known() -> None:
    """Prints the longest block of the worst rows; each row has asserted its own."""
    worst = sorted(BLOCKS, key=BLOCKS.__getitem__, reverse=True)[:10]
    print("\nlongest work of the loop between two waits:")
    print("\n".join(f"  {BLOCKS[name] * 1e3:6.1f} ms  {name}" for name in worst))
    assert all(seconds < LONGEST_BLOCK_S for seconds in BLOCKS.values())


def test_no_row_of_the_corpus_is_missing() -> None:
    """B79 to B92 are each here, or named with the test that shows them."""
    here = {row["id"][:3] for row in ROWS}
    for proof in DATA["elsewhere"].values():
        file, _, name = proof.partition("::")
        tree = ast.parse((TOP / file).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    known = here | set(DATA["elsewhere"])
    assert [f"B{number}" for number in range(79, 93) if f"B{number}" not in known] == []


def test_every_row_has_its_own_name_and_says_what_it_is() -> None:
    """Ids are unique, titles are sentences or nearly."""
    counted = Counter(row["id"] for row in ROWS)
    assert [name for name, times in counted.items() if times > 1] == []
    assert [row["id"] for row in ROWS if len(row["title"]) < 6] == []
