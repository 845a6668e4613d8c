"""Examples of the documentation: found, marked and, where they are configuration or code, well formed."""

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from posthorse.cli.app import run
from tools.examples import Example, Use, examples_in, placed

TOP = Path(__file__).resolve().parents[2]
README = TOP / "README.md"
PAGE = """# Page

```sh run needs=swaks arrives=2
swaks --to a@example.com
```

Words between.

```python
print("```")
```

```
no language: a drawing
```
"""


def test_blocks_are_found_with_their_settings(tmp_path: Path) -> None:
    """Language, use, settings, text and line come out as written; a block without a language is a drawing."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    first, second = examples_in(page)
    assert first == Example(
        page="page.md",
        line=3,
        language="sh",
        use=Use.RUN,
        settings={"needs": "swaks", "arrives": "2"},
        text="swaks --to a@example.com\n",
    )
    assert (first.needs, first.arrives) == ("swaks", 2)
    assert (second.use, second.text, second.needs, second.arrives) == (None, 'print("```")\n', "", 0)


def test_documented_addresses_give_way_to_the_real_ones() -> None:
    """The longest address goes first and nothing is replaced twice."""
    addresses = {"127.0.0.1": "::1", "127.0.0.1:2525": "127.0.0.1:4711"}
    assert placed("swaks --server 127.0.0.1:2525 --helo 127.0.0.1", addresses) == (
        "swaks --server 127.0.0.1:4711 --helo ::1"
    )
    assert placed("nothing here", {}) == "nothing here"


@pytest.mark.parametrize("example", examples_in(README), ids=lambda example: f"{example.page}:{example.line}")
def test_every_example_of_the_readme_says_how_it_is_tested(example: Example) -> None:
    """No example of the README escapes: each is run, checked, or shown on purpose."""
    assert example.use is not None


INLINE = re.compile(r"`posthorse ([^`]+)`")
STANDS_FOR = {"RECEIPT": "0" * 32, "REASON": "because"}


@pytest.mark.parametrize("line", sorted(set(INLINE.findall(README.read_text()))))
def test_every_command_named_in_a_sentence_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of the README's sentences and tables, with a value for each word in capitals: none is a usage error.

    There is no configuration here, so each ends with its first look for one.
    """
    words = [STANDS_FOR.get(word, word) for word in shlex.split(line)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTHORSE_CONFIG", raising=False)
    assert run(words) in (0, 1)


@pytest.mark.parametrize("example", examples_in(README), ids=lambda example: f"{example.page}:{example.line}")
def test_every_example_is_well_formed(example: Example) -> None:
    """Python compiles, TOML parses, shell has no syntax error; what nobody checks is only shown."""
    match example.language:
        case "python":
            ast.parse(example.text)
        case "toml":
            tomllib.loads(example.text)
        case "sh":
            assert subprocess.run(["bash", "-n"], input=example.text, text=True, check=False).returncode == 0
        case "js" if shutil.which("node"):
            assert subprocess.run(["node", "--check", "-"], input=example.text, text=True, check=False).returncode == 0
        case "js":
            pytest.skip("node is not installed")
        case "ini":
            assert [line for line in example.text.splitlines() if "=" not in line] == []
        case _:
            assert example.use is Use.SHOW
