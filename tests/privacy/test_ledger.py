"""The fold of the consent ledger."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from postoffice.model.consent import ALL, Entry, Means
from postoffice.privacy.ledger import standing

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def _entry(day: int, given: bool, means: Means = Means.FORM, purpose: str = "promotion", channel: str = "email") -> Entry:
    return Entry(purpose, channel, given, DAY + timedelta(days=day), means, id=str(day))


def test_the_latest_that_covers_decides() -> None:
    assert standing([], "promotion", "email") is None
    assert standing([_entry(1, True)], "promotion", "email") is True
    assert standing([_entry(1, True)], "promotion", "sms") is None
    assert standing([_entry(1, True), _entry(2, False, purpose=ALL, channel=ALL)], "promotion", "email") is False
    assert standing([_entry(1, False, purpose=ALL, channel=ALL), _entry(2, True)], "promotion", "email") is True
    assert standing([_entry(1, False, purpose=ALL, channel=ALL), _entry(2, True)], "promotion", "sms") is False


def test_an_import_never_brings_back_what_was_withdrawn() -> None:
    assert standing([_entry(1, False, Means.SMS), _entry(2, True, Means.IMPORT)], "promotion", "email") is False
    assert standing([_entry(1, True, Means.IMPORT)], "promotion", "email") is True
    assert standing([_entry(1, False, Means.SMS), _entry(2, True, Means.API)], "promotion", "email") is True


def test_after_a_complaint_only_the_persons_own_word_counts() -> None:
    complaint = _entry(1, False, Means.COMPLAINT)
    assert standing([complaint, _entry(2, True, Means.API)], "promotion", "email") is False
    assert standing([complaint, _entry(2, True, Means.PORTAL)], "promotion", "email") is True


entries = st.lists(
    st.builds(
        _entry,
        st.integers(0, 20),
        st.booleans(),
        st.sampled_from(Means),
        st.sampled_from([ALL, "promotion", "invoice"]),
        st.sampled_from([ALL, "email", "sms"]),
    ),
    max_size=8,
    unique_by=lambda entry: entry.at,
)


@given(entries, st.randoms())
def test_the_order_of_reading_does_not_matter_and_the_last_word_is_kept(some: list[Entry], random: object) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert standing(shuffled, "promotion", "email") == standing(some, "promotion", "email")
    withdrawn = Entry(ALL, ALL, False, DAY + timedelta(days=30), Means.PORTAL)
    assert standing([*some, withdrawn], "invoice", "fax") is False
    assert standing([*some, withdrawn, _entry(31, True, Means.IMPORT, ALL, ALL)], "promotion", "email") is False
