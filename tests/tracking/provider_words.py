"""What mail providers and servers answer, in words of ours after their published lists; none of it is from the bounce corpus.

Published: support.google.com/a/answer/3726730, Microsoft's "NDR error codes in Exchange Online", senders.yahooinc.com,
postmaster.gmx.net, postmaster.free.fr, postmaster.orange.fr, RFC 3463, RFC 5248 and the IANA registry of enhanced status codes,
manuals of Postfix, Exim, Sendmail, qmail and Domino.
"""

from pathlib import Path

_LINES = Path(__file__).with_suffix(".tsv").read_text().splitlines()

#: (whose, answer of the server with its stage, whether the address is dead)
ANSWERS = [(whose, words, dead == "dead") for whose, dead, words in (line.split("\t") for line in _LINES)]
