"""What speaks against a mail before it goes: pure, over one language's mail as a recipient would get it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

from postoffice.compose import sms
from postoffice.compose.mail.text import likeness
from postoffice.compose.message import Message
from postoffice.model.finding import Severity
from postoffice.words.marks import N_

#: Gmail shows the first 102 kB of a mail and hides the rest, with it the way to unsubscribe
CLIPPED = 102_000
HEAVY = 100_000
#: characters of a subject that most programs show
SUBJECT = 60
PREHEADER = 110
#: share of the same words under which receivers call the text part another mail
UNLIKE = 0.6
PARTS_OF_SMS = 3
UTM = ("utm_source", "utm_medium", "utm_campaign")
_FORBIDDEN = frozenset({"script", "iframe", "form", "object", "embed", "video", "audio", "svg", "base"})


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `text` and `help` are English msgids with places for `facts`; `where` a part (`fr.mjml`) or an address."""

    code: str
    severity: Severity
    text: str
    help: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the sender asks for. `unsubscribe`, `preferences`: the addresses that stand for this recipient's own."""

    promotional: bool
    utm: bool = False
    unsubscribe: str = ""
    own_url: str = ""  #: of the office: pictures from there are our own
    identity: bool = True  #: the sender's name and address are known
    preheader: str = ""


class _Seen(HTMLParser):
    """Links, pictures and elements of a mail."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.pictures: list[tuple[str, str | None]] = []
        self.forbidden: set[str] = set()
        self.sheets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and "href" in given:
            self.links.append((given["href"] or "").strip())
        elif tag == "img":
            self.pictures.append(((given.get("src") or "").strip(), given.get("alt")))
        elif tag == "link" and given.get("href"):
            self.sheets.append(str(given["href"]))
        if tag in _FORBIDDEN:
            self.forbidden.add(tag)
        self.forbidden.update(name for name in given if name.startswith("on"))


def check_mail(mail: Message, wanted: Wanted, where: str) -> list[Check]:
    """Everything that one recipient's mail shows."""
    seen = _Seen()
    seen.feed(mail.html)
    seen.close()
    return [
        *_subject(mail.subject, wanted, where),
        *_weight(mail, where),
        *_links(dict.fromkeys(seen.links), wanted, where),
        *_pictures(seen, wanted, where),
        *_content(seen, mail.html, where),
        *_law(mail, wanted, where),
        *_text(mail, where),
    ]


def _subject(subject: str, wanted: Wanted, where: str) -> Iterator[Check]:
    if not subject:
        yield Check(
            "subject-empty",
            Severity.ERROR,
            N_("The subject is empty."),
            N_("Write one: it decides whether the mail is opened."),
            {},
            where,
        )
    elif len(subject) > SUBJECT:
        yield Check(
            "subject-long",
            Severity.WARNING,
            N_("The subject has {n} characters; telephones show about {most}."),
            N_("Put what matters first, or say it shorter."),
            {"n": len(subject), "most": SUBJECT},
            where,
        )
    letters = [one for one in subject if one.isalpha()]
    if len(letters) > 8 and sum(one.isupper() for one in letters) > 0.7 * len(letters):
        yield Check(
            "subject-shouts",
            Severity.WARNING,
            N_("The subject is written in capitals."),
            N_("Receivers take that for advertising of the worse kind: write it as a sentence."),
            {},
            where,
        )
    if not wanted.preheader.strip():
        yield Check(
            "preheader-empty",
            Severity.INFO,
            N_("There is no preheader: mail programs show the first words of the mail behind the subject."),
            N_("Write one sentence that goes on where the subject ends."),
            {},
            where,
        )
    elif len(wanted.preheader) > PREHEADER:
        yield Check(
            "preheader-long",
            Severity.INFO,
            N_("The preheader has {n} characters; about {most} are shown."),
            N_("Say it shorter."),
            {"n": len(wanted.preheader), "most": PREHEADER},
            where,
        )


def _weight(mail: Message, where: str) -> Iterator[Check]:
    weight = len(mail.html.encode())
    if weight > HEAVY:
        over = weight > CLIPPED
        yield Check(
            "mail-heavy",
            Severity.ERROR if over else Severity.WARNING,
            N_("The HTML has {kilobytes} kB; Gmail cuts mail off at 102 kB, and the way to unsubscribe with it."),
            N_("Use fewer blocks, or lead on to a page."),
            {"kilobytes": round(weight / 1000)},
            where,
        )


def _links(links: Mapping[str, None], wanted: Wanted, where: str) -> Iterator[Check]:
    for address in links:
        scheme = address.partition(":")[0].lower()
        if address in ("", "#") or scheme == "javascript":
            yield Check(
                "link-nowhere",
                Severity.ERROR,
                N_("A link or button leads nowhere."),
                N_("Give its address, with https:// in front."),
                {},
                where,
            )
        elif scheme not in ("http", "https") or (wanted.own_url and address.startswith(f"{wanted.own_url}/")):
            continue  # the office's own addresses are right wherever it stands
        elif (why := broken(address)) is not None:
            yield Check(
                "link-broken", Severity.ERROR, N_("The address {address} cannot be right: {why}."), why[1], _of(address, why[0]), where
            )
        else:
            yield from _odd(address, wanted, where)


def _of(address: str, why: str = "") -> dict[str, str]:
    return {"address": address[:160], "why": why}


def broken(address: str) -> tuple[str, str] | None:
    """(why an http address cannot be right, what to do), in English; None where its form is good."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return N_("it is no web address"), N_("Copy it from the browser again.")
    if not parts.hostname:
        return N_("it names no site"), N_("Give the whole address, as the browser shows it.")
    if any(one.isspace() for one in address) or "{" in address or "}" in address:
        return N_("it has spaces or braces"), N_("Write spaces as %20, and close the braces of fields.")
    if "." not in parts.hostname.strip(".") and parts.hostname != "localhost":
        return N_("its site has no dot"), N_("Give the whole address, as the browser shows it.")
    return None


def _odd(address: str, wanted: Wanted, where: str) -> Iterator[Check]:
    ours = bool(wanted.own_url) and address.startswith(wanted.own_url)
    if address.lower().startswith("http:") and not ours:
        yield Check(
            "link-plain",
            Severity.WARNING,
            N_("The address {address} is not encrypted (http)."),
            N_("Use https: browsers and receivers warn of the other."),
            _of(address),
            where,
        )
    missing = [name for name in UTM if name not in parse_qs(urlsplit(address).query)]
    if wanted.utm and missing and not ours and address != wanted.unsubscribe:
        yield Check(
            "link-utm",
            Severity.WARNING,
            N_("The address {address} lacks {fields}."),
            N_("Add them, so that your site's statistics know where visitors come from."),
            {**_of(address), "fields": ", ".join(missing)},
            where,
        )


def _pictures(seen: _Seen, wanted: Wanted, where: str) -> Iterator[Check]:
    without = sum(alt is None or not alt.strip() for source, alt in seen.pictures)
    if without:
        yield Check(
            "picture-alt",
            Severity.WARNING,
            N_("{n} pictures have no words for those who do not see them."),
            N_("Say in the field beside the picture what it shows; many programs block pictures at first."),
            {"n": without},
            where,
        )
    for source, _alt in seen.pictures:
        if source.startswith(("cid:", "data:")) or (wanted.own_url and source.startswith(wanted.own_url)):
            continue
        if source[:4].lower() == "http":
            yield Check(
                "picture-elsewhere",
                Severity.WARNING,
                N_("The picture {address} comes from another site, which learns who opens the mail."),
                N_("Add the picture to the template."),
                _of(source),
                where,
            )
        else:
            yield Check(
                "picture-missing",
                Severity.ERROR,
                N_("There is no picture {address}."),
                N_("Add it to the template as PNG or JPEG, or take it out of the mail."),
                _of(source or "?"),
                where,
            )


def _content(seen: _Seen, html: str, where: str) -> Iterator[Check]:
    if seen.forbidden:
        yield Check(
            "content-forbidden",
            Severity.ERROR,
            N_("The mail holds {names}, which mail programs remove and receivers distrust."),
            N_("Take it out, or lead on to a page that has it."),
            {"names": ", ".join(sorted(seen.forbidden))},
            where,
        )
    if seen.sheets or re.search(r"@import|@font-face", html, re.IGNORECASE):
        yield Check(
            "font-elsewhere",
            Severity.WARNING,
            N_("The mail loads fonts or styles from another site, which learns who opens it."),
            N_("Use fonts that every machine has."),
            {},
            where,
        )


def _law(mail: Message, wanted: Wanted, where: str) -> Iterator[Check]:
    if wanted.promotional and wanted.unsubscribe not in unescape(mail.html or mail.text):
        yield Check(
            "unsubscribe-missing",
            Severity.ERROR,
            N_("The mail has no way to unsubscribe."),
            N_("Publish the template again: the office adds one."),
            {},
            where,
        )
    if not wanted.identity:
        yield Check(
            "identity-missing",
            Severity.WARNING,
            N_("The sender's name and postal address are not complete."),
            N_("Fill in name and address under Sender and letterhead; the law asks for them in advertising."),
            {},
            where,
        )


def _text(mail: Message, where: str) -> Iterator[Check]:
    if not mail.html:
        return
    share = likeness(mail.text, mail.html)
    if share < UNLIKE:
        yield Check(
            "text-unlike",
            Severity.WARNING,
            N_("The plain text says {percent} % of what the HTML says; receivers take the two for different mails."),
            N_("Empty the plain text: the office writes it from the HTML."),
            {"percent": round(share * 100)},
            where,
        )


def check_sms(text: str, wanted: Wanted, where: str) -> list[Check]:
    """What a short message costs, and whether it may be sent."""
    found: list[Check] = []
    taken = sms.count(text)
    if taken.parts > 1:
        severity = Severity.WARNING if taken.parts > PARTS_OF_SMS else Severity.INFO
        found.append(
            Check(
                "sms-parts",
                severity,
                N_("The SMS takes {n} parts: each is paid for."),
                N_("Say it shorter, or give the link only."),
                {"n": taken.parts},
                where,
            )
        )
    if taken.encoding is sms.Encoding.UCS2:
        odd = "".join(dict.fromkeys(one.found for one in sms.suggest(text)))[:20]
        found.append(
            Check(
                "sms-alphabet",
                Severity.INFO,
                N_("Characters outside the SMS alphabet halve what fits: {characters}"),
                N_("Write them without accents where that reads well."),
                {"characters": odd or "…"},
                where,
            )
        )
    if wanted.promotional and "STOP" not in text:
        found.append(
            Check(
                "sms-stop",
                Severity.ERROR,
                N_("The SMS does not say how to stop: the word STOP and the number to send it to are missing."),
                N_("Add for example: STOP to 36000"),
                {},
                where,
            )
        )
    return found


def worst_first(found: Sequence[Check]) -> list[Check]:
    """Errors, then warnings, then what is worth knowing; each said once."""
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    once = {(one.code, one.where, tuple(sorted(one.facts.items()))): one for one in found}
    return sorted(once.values(), key=lambda one: order[one.severity])
