"""The main job, on real parts: LibreOffice makes a merge of 500 letters, CUPS prints it, the office reads, sends and follows it."""

import sys
import time
from pathlib import Path

import pytest

from tests.papers.merge import has_libreoffice, make_merge
from tests.real.client import Api
from tests.real.cups import Cups
from tests.real.office import Office, seconds_since

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]

LETTERS = 500


def test_500_letters_of_a_libreoffice_merge_go_from_print_to_delivered(office: Office, tmp_path: Path) -> None:
    if not has_libreoffice():
        pytest.skip("LibreOffice is not installed (make test installs it)")
    document, truth = make_merge(tmp_path, LETTERS, seed=7, engine="libreoffice", layout="fr")
    api = Api(office)
    with Cups() as cups:
        cups.add_queue("merge", office.printer_uri())
        started = time.monotonic()
        job = cups.print_file("merge", document, "Invoices of November")
        cups.wait_printed("merge", job)
        printed = seconds_since(started)
    mailing = api.until(f"/mailings/{api.newest()['id']}", lambda found: found["state"] in ("waiting", "failed"))
    ready = seconds_since(started)
    assert mailing["state"] == "waiting", mailing
    assert mailing["name"] == "Invoices of November"
    items = api.items(mailing["id"])
    assert [(item["first_page"], item["pages"]) for item in items] == [(one.first_page, one.pages) for one in truth]
    wrong = [
        (item["address"]["lines"], one.lines)
        for item, one in zip(items, truth, strict=True)
        if item["address"]["lines"] != list(one.lines)
    ]
    assert wrong == []
    assert 1 <= min(one.pages for one in truth) < max(one.pages for one in truth) == 3

    pressed = time.monotonic()
    api.call("POST", f"/mailings/{mailing['id']}/send", {"options": {"channel": "post", "purpose": "invoice"}})
    path = f"/mailings/{mailing['id']}"
    handed = ("handed_over", "in_production", "mailed", "delivered")
    api.until(path, lambda found: sum(found["counts"].get(state, 0) for state in handed) == LETTERS)
    sent = seconds_since(pressed)
    mailing = api.until(path, lambda found: found["counts"].get("delivered") == LETTERS)
    sys.stdout.write(f"\nprinted {printed} s, ready to choose {ready} s, handed over {sent} s, delivered {seconds_since(pressed)} s\n")
    assert mailing["state"] == "finished"
