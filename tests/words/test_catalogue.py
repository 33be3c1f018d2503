"""Every text has its French, and the catalogue holds nothing that no page says."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

from tests.words.gather import ROOT, used

CATALOGUE = ROOT / "postoffice/words/locales/fr.po"
_FACTS = re.compile(r"{(\w+)}")


def entries(path: Path = CATALOGUE) -> dict[str, object]:
    with path.open("rb") as file:
        return {(one.id[0] if isinstance(one.id, tuple) else one.id): one for one in read_po(file, locale="fr") if one.id}


def test_every_text_has_its_french_and_every_french_text_is_used() -> None:
    known, wanted = entries(), used()
    missing = [f'msgid "{text}"' for text in wanted if text not in known]
    assert not missing, "add to fr.po:\n" + "\n".join(missing)
    assert not [text for text in known if text not in wanted], "no page says these any more"


def test_no_entry_is_empty_doubtful_or_lacks_a_form() -> None:
    wanted = used()
    for text, entry in entries().items():
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert not entry.fuzzy, text
        assert all(forms), text
        assert len(forms) == len(wanted[text]), f"{text}: singular and plural, or only one"


def test_translations_name_the_same_facts() -> None:
    for text, entry in entries().items():
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        ours = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        told = {fact for one in ours for fact in _FACTS.findall(one)}
        for form in forms:
            assert set(_FACTS.findall(form)) <= told, text
        assert {fact for form in forms for fact in _FACTS.findall(form)} == told, text
