"""Every rule holds for the words that it was written for, and the whole table decides as the rule does."""

import re

import pytest

from postoffice.tracking.mail.automatic import COMPLAINTS, DAEMONS, REPLIES
from postoffice.tracking.mail.listed import SHAPES, WEAK_SHAPES
from postoffice.tracking.mail.papers import RETURNED_MARKS
from postoffice.tracking.mail.reasons import RULES, STAGES, Told, decide, details, reply_code, status_code
from postoffice.tracking.mail.rule import Rule, squash
from postoffice.tracking.mail.values import HARD, Reason
from postoffice.tracking.mail.wordings_system import LAST
from tests.tracking.corpus import CORPUS
from tests.tracking.provider_words import ANSWERS

ALL = (*RULES, *LAST)


@pytest.mark.parametrize("rule", ALL, ids=[f"{rule.reason.value}-{rule.source[:30]}" for rule in ALL])
def test_a_rule_decides_its_own_sample(rule: Rule) -> None:
    assert rule.pattern.search(squash(rule.sample))
    assert decide(Told((rule.sample,))) is rule.reason


@pytest.mark.parametrize("rule", [rule for rule in ALL if rule.vague], ids=lambda rule: rule.reason.value)
def test_a_vague_rule_needs_a_witness(rule: Rule) -> None:
    words = re.sub(r"\b5\.\d\.\d\b", "", rule.sample)
    assert decide(Told((words,))) is Reason.FILTERED
    assert decide(Told((words,), context="host said no (in reply to RCPT TO command)")) in HARD


def test_every_sample_named_is_in_the_corpus() -> None:
    sources = (
        [rule.source for rule in ALL] + [shape.source for shape in (*SHAPES, *WEAK_SHAPES)] + [source for _, source in RETURNED_MARKS]
    )
    sources += [sign.source for sign in (*DAEMONS, *REPLIES, *COMPLAINTS)] + [source for _, _, source in STAGES]
    assert all(sources)
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}")
    named = {name for source in sources for name in re.findall(r"[\w-]+\.eml", source)}
    assert {name for name in named if not (CORPUS / name).is_file()} == set()


def test_codes_are_not_addresses_or_versions() -> None:
    assert details("host 5.1.1.9 said 550 5.7.1 no, 4.16.55.1, v5.65.1 (#4.2.2) 2.1.5") == ["7.1", "2.2"]
    assert status_code("550 5.0.0 failed", "5.1.1") == "5.1.1"
    assert status_code("", "") == ""
    assert (reply_code("<<< 550-5.1.1 no"), reply_code("port 5501, 12:450")) == ("550", "")


def test_words_are_squashed_for_the_rules() -> None:
    assert squash("550-5.7.1 Mail  from\n550 5.7.1 <A.B@c.example> is\tBAD") == "mail from @ is bad"


def test_what_providers_publish_is_told_dead_or_not() -> None:
    """Over nine of ten were right before any of them was looked at; since then all are."""
    told = {(whose, words): decide(Told((words,), "", words)) for whose, words, _ in ANSWERS}
    assert {key: told[key] for key in told if (told[key] in HARD) is not {(a, b): dead for a, b, dead in ANSWERS}[key]} == {}
