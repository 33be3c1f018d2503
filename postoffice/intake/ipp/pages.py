"""The page at a printer's address, for people who open it with a browser."""

from html import escape

_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "A printer of the post office",
        "known": "This is the address of the printer <strong>{name}</strong>. Add it to your computer as an IPP printer:",
        "unknown": "This printer address is not, or no longer, valid. Ask your administrator for the new one.",
        "secret": "The address is personal: whoever has it can print with it. Do not pass it on.",
        "desk": "To the desk",
    },
    "fr": {
        "title": "Une imprimante du bureau de poste",
        "known": "Voici l'adresse de l'imprimante <strong>{name}</strong>. Ajoutez-la à votre ordinateur comme imprimante IPP :",
        "unknown": "Cette adresse d'imprimante n'est pas ou plus valable. Demandez la nouvelle à votre administrateur.",
        "secret": "Cette adresse est personnelle : qui la connaît peut imprimer avec elle. Ne la transmettez pas.",
        "desk": "Vers le bureau",
    },
}


def page(name: str | None, address: str, desk: str, language: str) -> str:
    """HTML; `name` None for an unknown token, of which nothing is told."""
    texts = _TEXTS[language]
    if name is None:
        body = f"<p>{escape(texts['unknown'])}</p>"
    else:
        known = texts["known"].format(name=escape(name))
        body = f"<p>{known}</p><p><code>{escape(address)}</code></p><p>{escape(texts['secret'])}</p>"
    title = escape(texts["title"])
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="robots" content="noindex"><title>{title}</title></head><body><main><h1>{title}</h1>{body}'
        f'<p><a href="{escape(desk)}/">{escape(texts["desk"])}</a></p></main></body></html>\n'
    )
