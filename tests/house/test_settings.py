"""Every setting is documented where people look for it."""

from pathlib import Path

from postoffice.settings import Settings

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readme_names_every_setting_with_its_meaning() -> None:
    text = README.read_text()
    missing = [
        name
        for name, field in Settings.model_fields.items()
        if f"| `POSTOFFICE_{name.upper()}` |" not in text or field.description not in text
    ]
    assert missing == []
