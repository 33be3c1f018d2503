"""Campaign mails a second of one core: subject, HTML and plain text of the sample campaigns, filled and with their links counted.

Beside it in the same run: a bare jinja2 render of the same HTML alone (what cannot be undercut), and MJML filled first and compiled for
each recipient, as mailers do that compile what they send (HTML alone). CPU seconds, so that a busy machine changes little.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from mjml import mjml2html

from postoffice.compose.merge.checks import check_record
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.samples import Sample, samples
from postoffice.compose.merge.wording import Named, Situation, Wording, slots_of
from postoffice.compose.render.formats import FILTERS
from postoffice.model.clicks import Clicks
from postoffice.model.ids import new_id

_URL = "https://post.example"
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments.count`: mails of each kind (2,000)."""
    count = getattr(arguments, "count", 0) or 2_000
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for sample in samples(TEMPLATES):
        if not sample.files:
            continue
        counted, direct, bare, each = _measure(sample, count)
        figures[f"{sample.name}_mails_per_second_counted"] = round(counted)
        figures[f"{sample.name}_mails_per_second"] = round(direct)
        figures[f"{sample.name}_bare_jinja_html_per_second"] = round(bare)
        figures[f"{sample.name}_mjml_for_each_per_second"] = round(each)
        ratios[f"{sample.name}_counted_beside_mjml_for_each"] = round(counted / each, 2)
        ratios[f"{sample.name}_beside_bare_jinja"] = round(direct / bare, 2)
    return {"figures": figures, "ratios": ratios}


def _measure(sample: Sample, count: int) -> tuple[float, float, float, float]:
    """(counted, direct, bare Jinja of the HTML, MJML compiled for each), mails a CPU second."""
    content = sample.content.with_compiled()
    wording = Wording(content, "2026-11-22", "Maison", Named(dict.fromkeys(sample.files, f"{_URL}/i/{'a' * 32}.jpg")))
    row = sample.rows[0]
    checked = check_record(Record(1, dict(row), exact=True), wording.uses, content)
    fixed = {one.number: one.address for one in slots_of(content) if one.fixed}
    mailing = new_id()

    def situation(*, counted: bool) -> Situation:
        clicks = Clicks(_URL, b"k" * 32, mailing, new_id(), fixed) if counted else None
        return Situation(unsubscribe=f"{_URL}/u/{new_id()}", preferences=f"{_URL}/l/{new_id()}", clicks=clicks)

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(FILTERS)
    html = environment.from_string(content.html_of("fr"))
    source = environment.from_string(content.of("fr").mjml)
    values = wording.values(checked.data, "fr", checked.lines, situation(counted=False))
    return (
        _rate(lambda: wording.email(checked.data, "fr", (), situation(counted=True)), count),
        _rate(lambda: wording.email(checked.data, "fr", (), situation(counted=False)), count),
        _rate(lambda: html.render(values), count),
        _rate(lambda: mjml2html(source.render(values), fonts={}), count),
    )


def _rate(work: Callable[[], object], count: int) -> float:
    work()
    started = time.process_time()
    for _ in range(count):
        work()
    return count / (time.process_time() - started)
