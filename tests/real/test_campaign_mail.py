"""Campaign mail before its judges: mjml of npm makes the same of our MJML, rspamd finds nothing, in text and HTML alike."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from postoffice.actions.mail_checks_world import spam
from postoffice.compose.merge.samples import samples
from postoffice.compose.merge.wording import Named, Situation, Wording
from postoffice.compose.message import Message
from postoffice.portal import add_portal
from postoffice.store import people
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.dns import name_server
from tests.doors import Office, open_office
from tests.real import npm
from tests.real.rspamd import Rspamd

pytestmark = [pytest.mark.real, pytest.mark.slow]
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
CAMPAIGNS = [one for one in samples(TEMPLATES) if one.files]
MJML = "5.0.1"  # later ones want a newer Node than Debian 12 has
_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_PEER = """
const mjml = require('mjml');
let text = ''; process.stdin.on('data', (part) => { text += part; }).on('end', async () => {
  const made = await mjml(text, { validationLevel: 'skip', fonts: {} });
  process.stdout.write(JSON.stringify({ html: made.html, errors: made.errors.map(String) }));
});
"""


class Shape(HTMLParser):
    """Which elements a mail has, how many of each, and its widths."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.widths: Counter[str] = Counter()
        self.feed(html.partition("<body")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.widths.update(re.findall(r"(?:max-)?width:\s*(\d+)(?:\.\d+)?px", dict(attrs).get("style") or ""))


@pytest.mark.parametrize("sample", CAMPAIGNS, ids=lambda one: one.name)
def test_the_reference_compiler_makes_the_same_shape(sample: object) -> None:
    from mjml import mjml2html

    try:
        modules = npm.installed("mjml", MJML)
    except npm.Missing as missing:
        pytest.skip(str(missing))
    for parts in sample.content.parts.values():  # type: ignore[attr-defined]
        source = _JINJA.sub("x", re.sub(r"\{% (?:for|endfor|if|else|endif).*?%\}", "", parts.mjml))
        words = [npm.node(), "-e", _PEER]
        made = subprocess.run(
            words, input=source, capture_output=True, text=True, timeout=60, check=True, env={"NODE_PATH": str(modules)}
        )
        told = json.loads(made.stdout)
        assert told["errors"] == []
        ours, theirs = Shape(mjml2html(source, fonts={})), Shape(told["html"])
        assert ours.tags == theirs.tags
        assert set(ours.widths) == set(theirs.widths)


@pytest.fixture
async def office(tmp_path: Path, migrated_file: Path, keyring: Keyring, clock: FixedClock) -> AsyncIterator[Office]:
    (tmp_path / "office.db").write_bytes(migrated_file.read_bytes())
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'office.db'}")
    async with database.write() as connection:
        made = await people.add_organisation(connection, name="Maison", slug="m", document_key=keyring.wrap(bytes(32)), now=clock.now())
        await people.update_organisation(connection, made, settings={"sender_email": "bonjour@maison.example"})

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    documents = FileDocuments(tmp_path / "documents", key_of)
    async with open_office(database, documents, keyring, clock, made, add_portal) as opened:
        yield opened
    await database.close()


def mails() -> list[Message]:
    made = []
    for sample in CAMPAIGNS:
        pictures = Named(dict.fromkeys(sample.files, "https://post.example/i/" + "a" * 32 + ".jpg"))
        for row in sample.rows:
            situation = Situation(unsubscribe="https://post.example/u/x", preferences="https://post.example/l/x")
            mail = Wording(sample.content, "2026-11-22", "Maison", pictures).email(row, row["language"], (), situation)
            assert mail is not None
            made.append(mail)
    return made


async def test_rspamd_finds_little_in_samples_and_more_in_what_is_bad(office: Office, tmp_path: Path) -> None:
    office.clock.time = datetime.now(UTC)  # the filter looks at its own clock
    with name_server({}) as port:
        (tmp_path / "rspamd").mkdir()
        filter = Rspamd(tmp_path / "rspamd", port)
        filter.start()
        try:
            office.house = replace(office.house, rspamd=f"http://127.0.0.1:{filter._port}")
            async with office.house.database.read() as connection:
                organisation = await people.organisation(connection, office.organisation_id)
            for mail in mails()[::3]:
                (found,) = await spam(office.house, organisation, mail)
                assert found.severity.value == "info" and "R_PARTS_DIFFER" not in found.facts["why"], (mail.subject, found.facts)
            bad = Message(
                "FREE V1AGRA!!! WIN $$$ NOW", "other words altogether\n", mails()[0].html.replace("https://www", "http://1.2.3.4/www")
            )
            (worse,) = await spam(office.house, organisation, bad)
            assert float(str(worse.facts["score"])) > float(str(found.facts["score"]))
        finally:
            filter.stop()
