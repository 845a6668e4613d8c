"""Hostile SMTP and MIME, row by row: replies, what the spool then holds, the log, and the longest block of the loop.

Every row runs over plain text, over TLS and in a logged-in session, where it applies. MIME rows are stored and passed
on unchanged or refused; their bodies are never parsed on this path.
"""

import json
import re
import ssl
from collections import Counter
from collections.abc import Iterator

import pytest

from posthorse.lab.certificate import make_certificate
from tests.effort import LONGEST_BLOCK_S, unless_each_time
from tests.scenarios.hostile import CHANNELS, CORPUS, Hostile, Item, Site, Stand, content_of, items, play, prepare

ITEMS = items()
HERE = [item for item in ITEMS if "where" not in item]
RUNS = [(item, channel) for item in HERE for channel in item.get("channels", CHANNELS)]
BLOCKS: dict[str, float] = {}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The server's thread, with a certificate."""
    made = make_certificate(tmp_path_factory.mktemp("tls"), "localhost")
    one = Stand(made.server_context(), ssl.create_default_context(cafile=made.certificate))
    yield one
    one.close()


@pytest.mark.hostile
@pytest.mark.parametrize(("item", "channel"), RUNS, ids=[f"{item['id']}-{channel}" for item, channel in RUNS])
@unless_each_time
def test_hostile_input_meets_its_answer(stand: Stand, item: Item, channel: str, request: pytest.FixtureRequest) -> None:
    """Replies as given, what is stored as given, nothing smuggled, a sane session and server, a clean log."""
    with stand.site(item, channel) as site:
        codes: Counter[str] = Counter()
        for _ in range(item.get("connections", 1)):
            client = Hostile(stand, site, channel)
            prepare(client, channel, item.get("setup", "envelope"))
            client.codes.clear()
            still_open = True
            for _ in range(item.get("again", 1)):
                still_open = play(client, item)
            codes += client.codes
            if still_open:
                assert_session_is_sane(client)
            client.close()
        for code, times in item.get("replies", {}).items():
            assert codes[code] == times
        assert_spool_is_as_told(stand, site, item)
        BLOCKS[request.node.callspec.id] = stand.loop.longest_s
        stand.loop.check()
        assert_log_is_clean(site, item)
        assert_server_is_sane(stand, site, channel)
    assert site.unhandled == []
    assert site.server.receiving_bytes == site.server.pending_commits == 0


def assert_session_is_sane(client: Hostile) -> None:
    """The session is where commands are obeyed, and nothing unasked was said."""
    assert client.ask(b"RSET") == "250"
    assert client.ask(b"NOOP") == "250"
    assert client.ask(b"QUIT") == "221"
    assert client.reply() == "closed"


def assert_server_is_sane(stand: Stand, site: Site, channel: str) -> None:
    """The next client is served."""
    if channel in ("untrusted", "remote"):
        return
    before = len(stand.stored(site))
    client = Hostile(stand, site, channel)
    prepare(client, channel, "envelope")
    assert client.ask(b"From: a@example.com\r\n\r\nsane\r\n.") == "250"
    client.close()
    assert len(stand.stored(site)) == before + 1


def assert_spool_is_as_told(stand: Stand, site: Site, item: Item) -> None:
    """The number of messages, their bytes and recipients; what was smuggled is not among them."""
    stored = stand.stored(site)
    assert len(stored) == item["stored"]
    for one in stored:
        assert not one.message.sender.startswith("evil")
        assert not any(address.startswith("evil") for address in one.recipients)
        assert len(one.recipients) == item.get("recipients", 1)
        assert one.message.stream.value == item.get("stream", "standard")
        content = content_of(item)
        assert one.body.endswith(content)
        added = one.body[: len(one.body) - len(content)]
        names = [line.partition(b":")[0] for line in added.split(b"\r\n")[:-1]]
        assert set(names) <= {b"Received", b"X-Posthorse-Id", b"Message-ID", b"Date"}
        first = added.partition(b"\r\n")[0].decode("ascii")
        assert re.fullmatch(item.get("received", r"Received: [ -~]+"), first), first


def assert_log_is_clean(site: Site, item: Item) -> None:
    """Every line is one JSON object of printable ASCII; no address, secret or content in it."""
    for line in b"".join(site.lines).splitlines():
        text = line.decode("ascii")
        assert text.isprintable()
        assert isinstance(json.loads(text), dict)
        never = ["evil", "@example", "@internal", "smuggled", *item.get("never_logged", [])]
        assert not [word for word in never if word in text]


def test_the_longest_blocks_are_known() -> None:
    """Prints the longest block of the worst rows; each row has asserted its own."""
    worst = sorted(BLOCKS, key=BLOCKS.__getitem__, reverse=True)[:10]
    print("\nlongest work of the loop between two waits:")
    print("\n".join(f"  {BLOCKS[name] * 1e3:6.1f} ms  {name}" for name in worst))
    assert all(seconds < LONGEST_BLOCK_S for seconds in BLOCKS.values())


OPEN = {"B49"}
"""What waits for parts that do not exist yet."""


def test_no_row_of_the_corpus_is_missing() -> None:
    """B01 to B64 are each here, at the providers' side or at the APIs, or named as open with the reason."""
    here = {item["id"][:3] for item in HERE}
    elsewhere = {item["id"]: item["see"] for item in ITEMS if "where" in item}
    waiting = json.loads((CORPUS / "smtp" / "open.json").read_text())
    assert set(waiting) == OPEN
    assert all(len(reason.split()) > 3 for reason in waiting.values())
    for number, file in elsewhere.items():
        rows = json.loads((CORPUS.parent.parent / file).read_text())
        assert [row["id"] for row in rows if row["id"].startswith(number)], f"{number} is not in {file}"
    known = here | set(elsewhere) | set(waiting)
    assert [f"B{number:02}" for number in range(1, 65) if f"B{number:02}" not in known] == []


def test_every_row_has_its_own_name_and_says_what_it_is() -> None:
    """Ids are unique, titles are sentences or nearly."""
    counted = Counter(item["id"] for item in ITEMS)
    assert [name for name, times in counted.items() if times > 1] == []
    assert [item["id"] for item in ITEMS if len(item["title"]) < 6] == []
