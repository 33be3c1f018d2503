"""What a carrier says against a letter before anything is sent."""

from postoffice.model.mailing import Options
from postoffice.model.ports import Advises, Carrier


def check(carrier: Carrier, options: Options, pages: int, country: str) -> None:
    """OptionConflict, the first one, where the carrier names any; nothing where it names none, or never does."""
    if isinstance(carrier, Advises):
        for problem in carrier.conflicts(options, pages, country):
            raise problem
