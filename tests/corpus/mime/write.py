"""Writes the corpus of mail: `python -m tests.corpus.mime.write`. Every message is made up here, shaped like real ones.

Each message is a file of exact bytes; `index.toml` says of each what family it is of, who receives it and whether a
provider that takes mail apart can carry it whole (`recompose`: `yes`, or a word of the reason). The files are what
tests use; this says how they came about, and the same files come out of it every time.
"""

from pathlib import Path

from tests.corpus.mime.desktops import desktops
from tests.corpus.mime.encodings import charsets, coats, corners, words
from tests.corpus.mime.everyday import everyday, recipients
from tests.corpus.mime.groupware import groupware
from tests.corpus.mime.housekeeping import housekeeping
from tests.corpus.mime.languages import every_tongue, old_charsets
from tests.corpus.mime.libraries import libraries
from tests.corpus.mime.nested import nested
from tests.corpus.mime.office import office
from tests.corpus.mime.pieces import Mail
from tests.corpus.mime.reports import reports
from tests.corpus.mime.sealed import calendars, signed
from tests.corpus.mime.spellings import headers, names
from tests.corpus.mime.web_applications import web_applications
from tests.corpus.mime.webmail import webmail

FOLDER = Path(__file__).parent
FAMILIES = (
    *(every_tongue, old_charsets, everyday, recipients, signed, calendars, nested, names, headers, libraries),
    *(office, webmail, desktops, web_applications, housekeeping, reports, groupware, charsets, words, coats, corners),
)


def all_mail() -> list[Mail]:
    """The whole corpus, in order."""
    return [mail for family in FAMILIES for mail in family()]


def main() -> None:
    """Write the files and the index."""
    for old in FOLDER.glob("*.eml"):
        old.unlink()
    lines = ["# Written by write.py. recompose: whether a provider that takes mail apart can carry it whole, or a word of why not.\n"]
    for mail in all_mail():
        file = f"{mail.family}.{mail.name}.eml"
        (FOLDER / file).write_bytes(mail.content)
        to = ", ".join(f"'{address}'" for address in mail.recipients)
        lines.append(f'[[mail]]\nfile = "{file}"\nrecipients = [{to}]\nrecompose = "{mail.recompose}"\n' + "".join(f'{kind} = "{why}"\n' for kind, why in (("sendgrid", mail.sendgrid), ("postmark", mail.postmark)) if why))
    (FOLDER / "index.toml").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
