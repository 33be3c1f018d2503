"""Text in a box, in visual order, without its neighbours."""

from pathlib import Path

import pytest

from postoffice.pdf.document import open_page, open_pdf
from postoffice.pdf.garbage import is_plausible
from postoffice.pdf.text import PageText, ZoneText
from tests.papers import defects

SIZE = 10 / 72 * 25.4  #: mm, of the letters that `defects` writes
WINDOW = (110.0, 55.0, 85.0, 33.0)


def zone_of(path: Path, box: tuple[float, float, float, float] = WINDOW) -> ZoneText:
    with open_pdf(path) as document, open_page(document, 0) as page, PageText(page) as text:
        return text.zone(box)


def test_lines_come_in_visual_order_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    texts = [(113, 70, "67000 STRASBOURG"), (113, 61, "Mme Zoé LEFÈVRE"), (22, 61, "Nos références"), (113, 65.5, "3 RUE DU PUITS")]
    zone = zone_of(defects.put(tmp_path, "file_order.pdf", defects.document(texts)))
    assert zone.text == "Mme Zoé LEFÈVRE\n3 RUE DU PUITS\n67000 STRASBOURG"
    assert zone.lines[0].box[0] == 113


def test_neighbours_are_not_pulled_in(tmp_path: Path) -> None:
    texts = [*defects.letter(), (150, 52, "Paris, le 3 mars"), (60, 65.5, "Dossier 12"), (113, 92, "Objet")]
    assert zone_of(defects.put(tmp_path, "neighbours.pdf", defects.document(texts))).text.split("\n") == [
        "Mme Zoé LEFÈVRE",
        "3 RUE DU PUITS",
        "67000 STRASBOURG",
    ]


def test_body_text_that_runs_through_is_no_line_of_the_window(tmp_path: Path) -> None:
    body = [
        (22, 60 + 5 * step, "Nous avons bien reçu votre demande et vous en remercions vivement, ainsi que de votre fidélité.")
        for step in range(5)
    ]
    zone = zone_of(defects.put(tmp_path, "body.pdf", defects.document(body)))
    assert zone.lines == ()
    assert len(zone.crossing) == 5


def test_lines_set_tight_keep_their_accents(tmp_path: Path) -> None:
    texts = [(113, 61, "ÇELIK ÉÀÇ"), (113, 64.3, "ÉCOLE ÇÀ ET LÀ"), (113, 67.6, "13100 AIX")]
    assert zone_of(defects.put(tmp_path, "tight.pdf", defects.document(texts))).text == "ÇELIK ÉÀÇ\nÉCOLE ÇÀ ET LÀ\n13100 AIX"


def test_text_drawn_twice_for_boldness_is_read_once(tmp_path: Path) -> None:
    texts = [(113, 61, "M. DUPONT"), (113.1, 61, "M. DUPONT")]
    assert zone_of(defects.put(tmp_path, "bold.pdf", defects.document(texts))).text == "M. DUPONT"


def test_rotated_and_cropped_pages_are_read_as_seen(tmp_path: Path) -> None:
    zone = zone_of(defects.put(tmp_path, "rotated.pdf", defects.rotated_and_cropped()))
    assert zone.text == "Mme Zoé LEFÈVRE\n3 RUE DU PUITS\n67000 STRASBOURG"


def test_two_columns_in_the_window_are_told_by_their_gap(tmp_path: Path) -> None:
    zone = zone_of(defects.put(tmp_path, "columns.pdf", defects.document([(113, 61, "M. DUPONT"), (165, 61, "REF 12")])))
    assert zone.lines[0].text == "M. DUPONT REF 12"
    assert zone.lines[0].gap > 20


def test_garbage_is_told_from_language(tmp_path: Path) -> None:
    assert is_plausible("Bonjour, voici votre facture du 3 mars. Merci de votre confiance et à bientôt.")
    assert is_plausible("67000 STRASBOURG")
    assert is_plausible("Sehr geehrte Damen und Herren, anbei erhalten Sie die Rechnung vom 3. März.")
    assert not is_plausible("\x03\x11\x25\x03\x14\x16" * 5)
    assert not is_plausible("\ue001\ue002\ue003 \ue004\ue005")
    assert not is_plausible("%RQMRXU YRLFL YRWUH IDFWXUH GX PDUV PHUFL GH YRWUH FRQILDQFH HW ELHQWRW")
    zone = zone_of(defects.put(tmp_path, "garbage.pdf", defects.garbage_text()))
    assert zone.garbled > 0.5 or not is_plausible(zone.text)


def test_a_line_of_short_words_whose_letters_are_placed_one_by_one_keeps_its_spaces(tmp_path: Path) -> None:
    def placed(line: str, y: float) -> list[tuple[float, float, str]]:
        """Helvetica's widths (AFM) at the size of these papers; nothing is put where a space is."""
        wide = {" ": 0.278, "A": 0.667, "E": 0.667, "°": 0.4, "N": 0.722, "R": 0.722, "U": 0.722}
        x, letters = 113.0, []
        for letter in line:
            letters += [(x, y, letter)] if letter != " " else []
            x += wide.get(letter, 0.556) * SIZE
        return letters

    texts = [(113, 61, "Mme Zoé LEFÈVRE"), *placed("6 A RUE N° 12", 65.5), (113, 70, "67000 STRASBOURG")]
    assert zone_of(defects.put(tmp_path, "short.pdf", defects.document(texts))).text.split("\n")[1] == "6 A RUE N° 12"


@pytest.mark.slow
def test_hebrew_is_read_in_its_own_direction(tmp_path: Path) -> None:
    import weasyprint

    style = "@page{size:A4;margin:0}div{position:absolute;left:113mm;top:58mm;font:10pt 'DejaVu Sans'}"
    html = f"<style>{style}</style><div>רחוב הרצל 12</div>"
    path = tmp_path / "hebrew.pdf"
    weasyprint.HTML(string=html).write_pdf(str(path))
    assert zone_of(path).text == "רחוב הרצל 12"
