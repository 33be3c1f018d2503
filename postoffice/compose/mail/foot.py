"""The foot of every campaign mail: who writes, and the two ways out. Added below what the author wrote, where it is missing there."""

import re

_UNSUBSCRIBE = re.compile(r"\{\{[^}]*\bunsubscribe\b")
_CHOICES = re.compile(r"\{\{[^}]*\bpreferences\b")
_NAME = re.compile(r"\{\{[^}]*\b(?:sender\.(?:name|legal)|sender_name)\b")
_PLACE = re.compile(r"\{\{[^}]*\bsender\.line[123]\b")
_WORDS = {
    "fr": ("Se désabonner", "Choisir ce que je reçois", "Vous recevez ce message de {sender}."),
    "en": ("Unsubscribe", "Choose what I receive", "You receive this message from {sender}."),
    "de": ("Abbestellen", "Auswählen, was ich erhalte", "Sie erhalten diese Nachricht von {sender}."),
}
IDENTITY = (
    "{{ sender.name }}{% if sender.line1 %}, {{ sender.line1 }}{% endif %}{% if sender.line2 %}, {{ sender.line2 }}{% endif %}"
    "{% if sender.line3 %}, {{ sender.line3 }}{% endif %}{% if sender.legal %}<br />{{ sender.legal }}{% endif %}"
)
_LINK = '<a href="{{ %s }}" style="color:#4a5a6a">%s</a>'


def ways_out(language: str, *, unsubscribe: bool = True, preferences: bool = True) -> str:
    """The links out, each only where its address is known (a test mail has none)."""
    words = _WORDS.get(language[:2], _WORDS["en"])
    made = []
    if unsubscribe:
        made.append("{% if unsubscribe %}" + _LINK % ("unsubscribe", words[0]) + "{% endif %}")
    if preferences:
        made.append("{% if preferences %}" + ("&nbsp;&nbsp; " if made else "") + _LINK % ("preferences", words[1]) + "{% endif %}")
    return "".join(made)


def why_written(language: str) -> str:
    """The sentence that says who writes, in Jinja."""
    return _WORDS.get(language[:2], _WORDS["en"])[2].format(sender="{{ sender.name }}")


def completed(source: str, language: str) -> str:
    """MJML with all that a foot must have."""
    lacks_way, lacks_choice = not _UNSUBSCRIBE.search(source), not _CHOICES.search(source)
    lacks_name = not (_NAME.search(source) and _PLACE.search(source))
    head, end, tail = source.rpartition("</mj-body>")
    if not end or not (lacks_way or lacks_choice or lacks_name):
        return source
    lines = [f'<p style="margin:0 0 8px">{IDENTITY}</p>'] if lacks_name else []
    if out := ways_out(language, unsubscribe=lacks_way, preferences=lacks_choice):
        lines.append(f'<p style="margin:0">{out}</p>')
    # on one line, so that the lines of the author's own text keep their numbers in faults
    return (
        head
        + '<mj-section padding="16px 24px"><mj-column><mj-text align="center" font-size="13px" line-height="1.5" color="#4a5a6a">'
        + "".join(lines)
        + "</mj-text></mj-column></mj-section>"
        + end
        + tail
    )
