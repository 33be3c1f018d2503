"""The fold of the consent ledger: what a contact allows, by purpose and channel. Pure.

The latest entry that covers a purpose and a channel decides; a wide entry (all purposes, all channels) covers the narrow. Two things do
not follow the clock: an import never brings back what was withdrawn, since the file it comes from is older than it looks; and
after a complaint only the person's own word counts.
"""

from collections.abc import Iterable

from postoffice.model.consent import ALL, OWN_WORD, Entry, Means


def standing(entries: Iterable[Entry], purpose: str, channel: str) -> bool | None:
    """True: given; False: withdrawn; None: nobody ever said anything."""
    state: bool | None = None
    complained = False
    for entry in sorted(entries, key=lambda one: (one.at, one.id)):
        if not covers(entry, purpose, channel):
            continue
        if not entry.given:
            state, complained = False, complained or entry.means is Means.COMPLAINT
        elif state is not False or (entry.means is not Means.IMPORT and (not complained or entry.means in OWN_WORD)):
            state = True
    return state


def covers(entry: Entry, purpose: str, channel: str) -> bool:
    """Whether an entry speaks of this purpose and channel."""
    return entry.purpose in (purpose, ALL) and entry.channel in (channel, ALL)
