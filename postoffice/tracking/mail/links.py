"""What ties a mail that came back to the delivery that it speaks of."""

import re
from collections.abc import Iterable

from postoffice.model.ids import is_id
from postoffice.tracking.mail.papers import Papers
from postoffice.tracking.mail.values import Links

_MESSAGE_ID = re.compile(r"<?([^\s<>@]{1,250}@[^\s<>@]{1,250})>?")
_RETURN_PATH = re.compile(r"(?<![\w.+-])([\w-]{1,40}\+[\w-]{1,80}\.[\w=-]{8,90}@[\w.-]{1,253}\w)", re.ASCII)
_KEY = re.compile(r"(?<![0-9a-z])([0-9abcdefghjkmnpqrstvwxyz]{26})(?![0-9a-z])")
_MOST_IDS = 20
_HTTPS = re.compile(r"<\s*(https://[^\s<>]{1,2000})\s*>", re.IGNORECASE)
#: where a report names our envelope sender: the report is addressed to it, the returned mail bears it, the status fields repeat it
_OURS = ("to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "apparently-to")
_THEIRS = ("return-path", "x-envelope-from", "x-postfix-sender", "original-mail-from", "x-sendgrid-sender", "x-yandex-sender")


def read_links(papers: Papers) -> Links:
    """Everything found; empty where nothing was."""
    message_ids = _message_ids(papers)
    return_path = _first(_RETURN_PATH, _envelope_senders(papers))
    local = message_ids[0].partition("@")[0] if message_ids else ""
    return Links(
        message_ids=message_ids,
        key=local if is_id(local) else _first(_KEY, (return_path, *_envelope_senders(papers))),
        return_path=return_path,
        unsubscribe=_first(_HTTPS, papers.original.all("list-unsubscribe")),
        feedback_id=papers.original.get("feedback-id")[:200],
    )


def _message_ids(papers: Papers) -> tuple[str, ...]:
    """Each once: of the returned mail, of the report's fields, then what this mail answers; in a long thread the latest first."""
    blocks = (*papers.blocks, *papers.loose_blocks)
    texts = (
        *papers.original.all("message-id"),
        *(block.get("x-original-message-id") for block in blocks),
        papers.disposition.get("original-message-id"),
        papers.head.get("in-reply-to"),
        *reversed(papers.head.get("references").split()[-_MOST_IDS:]),
    )
    found = (hit[1] for text in texts if (hit := _MESSAGE_ID.search(text[:4000])))
    return tuple(dict.fromkeys(found))[:_MOST_IDS]


def _envelope_senders(papers: Papers) -> list[str]:
    fields = (papers.original, papers.feedback, *papers.blocks[:3], *papers.loose_blocks[:1])
    return [value for name in _OURS for value in papers.head.all(name)] + [
        value for name in _THEIRS for one in fields for value in one.all(name)
    ]


def _first(pattern: re.Pattern[str], texts: Iterable[str]) -> str:
    return next((found[1] for text in texts if (found := pattern.search(text[:4000]))), "")
