"""What people read: one catalogue a language (gettext, English msgids), dates and money in the reader's way, the words of states.

To add a text: write it in English inside `_()`, `ngettext()` or, in a table, `N_()`; add the translation to `locales/fr.po`. A test
names what is missing, and what no page uses any more.
"""

from postoffice.words.speech import LANGUAGES, N_, Said, Words

__all__ = ["LANGUAGES", "N_", "Said", "Words"]
