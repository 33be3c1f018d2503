"""The words of a finding."""

from dataclasses import dataclass

from postoffice.model.finding import Severity


@dataclass(frozen=True, slots=True)
class FindingText:
    """Title (what is wrong) and help (what to do) of a finding, and how much it matters unless told otherwise."""

    severity: Severity
    title_en: str
    title_fr: str
    help_en: str
    help_fr: str

    def title(self, language: str) -> str:
        """The title in "fr" or (any other) English."""
        return self.title_fr if language.startswith("fr") else self.title_en

    def help(self, language: str) -> str:
        """The help in "fr" or (any other) English."""
        return self.help_fr if language.startswith("fr") else self.help_en
