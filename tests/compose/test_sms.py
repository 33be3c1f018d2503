"""Short messages are counted as phones and bills count them, cut where nothing breaks, and offered cheaper characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.compose.sms import Encoding, Replacement, Segments, apply, count, split, suggest
from postoffice.model import gsm7

GSM, UCS = Encoding.GSM7, Encoding.UCS2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(GSM, 1, 0, 160)),
        ("a" * 160, Segments(GSM, 1, 160, 0)),
        ("a" * 161, Segments(GSM, 2, 161, 145)),
        ("a" * 306, Segments(GSM, 2, 306, 0)),
        ("a" * 307, Segments(GSM, 3, 307, 152)),
        ("€" * 80, Segments(GSM, 1, 160, 0)),
        ("€" * 81, Segments(GSM, 2, 162, 143)),  # 76 pairs in the first part, one septet left empty
        ("é" * 160, Segments(GSM, 1, 160, 0)),
        ("ê", Segments(UCS, 1, 1, 69)),
        ("ê" + "a" * 69, Segments(UCS, 1, 70, 0)),
        ("ê" + "a" * 70, Segments(UCS, 2, 71, 63)),
        ("\N{GRINNING FACE}" * 35, Segments(UCS, 1, 70, 0)),
        ("\N{GRINNING FACE}" * 36, Segments(UCS, 2, 72, 61)),  # 33 in the first part, one unit left empty
        ("ê" + "a" * 133 + "b", Segments(UCS, 3, 135, 66)),
        ("ê" * 67 + "a" * 67, Segments(UCS, 2, 134, 0)),  # the second part alone would fit the other alphabet
        ("l\n\f|^{}[]~\\", Segments(GSM, 1, 20, 140)),
    ],
)
def test_count(text: str, expected: Segments) -> None:
    assert count(text) == expected


def test_an_escape_pair_is_not_cut() -> None:
    first, second = split("a" * 152 + "€" + "b" * 10)
    assert (first, second) == ("a" * 152, "€" + "b" * 10)


def test_a_surrogate_pair_is_not_cut() -> None:
    first, second = split("a" * 66 + "\N{GRINNING FACE}" + "b" * 10)
    assert (first, second) == ("a" * 66, "\N{GRINNING FACE}" + "b" * 10)


@given(
    st.text(alphabet=st.one_of(st.sampled_from("ab€|^é\n"), st.sampled_from("abê\N{GRINNING FACE}€"), st.characters()), max_size=900)
)
def test_parts_join_to_the_text_and_each_has_room(text: str) -> None:
    texts = split(text)
    assert "".join(texts) == text
    assert len(texts) == count(text).parts
    room = gsm7.GSM if gsm7.fits(text) else gsm7.UCS
    longest = room.single if len(texts) == 1 else room.part
    for one in texts:
        size = len(gsm7.encode(one)) if gsm7.fits(text) else len(one.encode("utf-16-be", "surrogatepass")) // 2
        assert size <= longest


@given(st.text(alphabet=sorted(gsm7.SIGNS)))
def test_the_alphabet_there_and_back(text: str) -> None:
    assert gsm7.decode(gsm7.encode(text)) == text


def test_septets_of_the_tables() -> None:
    assert gsm7.encode("@€Aà~") == b"\x00\x1b\x65\x41\x7f\x1b\x3d"
    assert len(gsm7.SIGNS) == 127 + 10
    assert gsm7.decode(b"\x1bz\x1b\x1b\xff") == "z\x1b\ufffd"


def test_what_is_offered() -> None:
    text = "L\u2019été, ça coûte 3\u00a0œufs à Noël\u2026"
    assert count(text).encoding is UCS
    offered = suggest(text)
    assert offered == [
        Replacement("\u2019", "'", 1),
        Replacement("ç", "c", 1),
        Replacement("û", "u", 1),
        Replacement("\u00a0", " ", 1),
        Replacement("œ", "oe", 1),
        Replacement("ë", "e", 1),
        Replacement("\u2026", "...", 1),
    ]
    assert apply(text, offered) == "L'été, ca coute 3 oeufs à Noel..."
    assert count(apply(text, offered)).encoding is GSM
    assert apply(text, offered[:1]).startswith("L'été, ça")  # only what was chosen


def test_letters_of_the_alphabet_stay() -> None:
    assert suggest("Déjà, là-bas, ÇA où? æøåñüß €") == []


@pytest.mark.parametrize(
    ("found", "put"),
    [
        ("e\u0301", "é"),  # an accent written apart: the same letter, nothing lost
        ("À", "A"),
        ("Ê", "E"),
        ("«", '"'),
        ("\u2013", "-"),
        ("\u200b", ""),
        ("ﬁ", "fi"),
        ("Ÿ", "Y"),
        ("²", "2"),
        ("½", "1/2"),
        ("ş", "s"),
        ("o\u0302\u0323", "o"),
    ],
)
def test_single_offers(found: str, put: str) -> None:
    (offer,) = suggest(f"a{found}b{found}")
    assert offer == Replacement(found, put, 2)
    assert apply(f"a{found}b", [offer]) == f"a{put}b"


@pytest.mark.parametrize("text", ["\N{GRINNING FACE}", "Привет", "日本", "\ud83d"])
def test_nothing_is_offered_for_what_has_no_stand_in(text: str) -> None:
    assert suggest(text) == []
    assert count(text).encoding is UCS
