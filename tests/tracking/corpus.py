"""Where the corpus of real bounces lies, beside the checkout or nowhere."""

from pathlib import Path

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "bounces"
