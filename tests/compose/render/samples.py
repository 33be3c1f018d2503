"""Templates and rows for tests and benchmarks: a circular letter, an invoice whose paragraphs and table vary; and plain WeasyPrint."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

_CSS = """
@page { size: A4; margin: 20mm 20mm 25mm 22mm;
  @bottom-center { content: "Société des Eaux Réunies, SA au capital de 1 000 000 €"; font: 7pt 'DejaVu Sans'; color: #567 }
  @bottom-right { content: counter(page) " / " counter(pages); font: 7pt 'DejaVu Sans' } }
html { font: 10pt/1.35 'DejaVu Sans' } body { margin: 0 }
.logo { width: 40mm; height: 16mm; display: block }
.to { position: absolute; left: 88mm; top: 30mm; width: 84mm; height: 34mm } .to p { margin: 0; text-align: left }
.ref { margin: 60mm 0 6mm 0 } p { margin: 0 0 3mm; text-align: justify; hyphens: auto }
table { width: 100%; border-collapse: collapse; table-layout: fixed; margin: 0 0 5mm }
th { background: #135; color: #fff; text-align: left } th, td { padding: 1.2mm 2mm; border-bottom: .2mm solid #ccd }
.n { text-align: right } .total td { font-weight: bold; border-top: .4mm solid #135 }
"""
_HEAD = f"""<!doctype html><html lang="fr"><head><title>Lettre</title><style>{_CSS}</style></head><body>
<img class="logo" src="logo.png" alt="logo">
<div class="to">{{% for line in address %}}<p>{{{{ line }}}}</p>{{% endfor %}}</div>
<p class="ref">Paris, le {{{{ day }}}}<br>Client {{{{ customer }}}}</p>
<p>{{{{ salutation }}}},</p>
"""
_COLUMNS = """<table><colgroup><col style="width:50%"><col style="width:12%"><col style="width:18%"><col style="width:20%"></colgroup>
<thead><tr><th>Désignation</th><th class="n">Qté</th><th class="n">Prix</th><th class="n">Montant</th></tr></thead><tbody>"""
_END = "<p>Le service clientèle</p></body></html>"

CIRCULAR = (
    _HEAD
    + """<p>Nous avons le plaisir de vous annoncer l'ouverture de notre nouvel espace client en ligne. Vous pourrez y consulter vos
factures, suivre vos consommations et modifier vos coordonnées à tout moment, en toute simplicité et en toute sécurité.</p>
<p>À compter du premier janvier, l'ensemble de nos échanges pourra se faire par voie électronique. Si vous préférez continuer à
recevoir vos courriers sur papier, aucune démarche n'est nécessaire de votre part : nous continuerons à vous écrire.</p>
<p>Vous trouverez ci-dessous les principaux tarifs applicables. Notre service clientèle se tient à votre disposition du lundi au
vendredi, de neuf heures à dix-huit heures, pour toute question relative à votre contrat.</p>"""
    + _COLUMNS
    + "".join(
        f"<tr><td>Prestation {n}</td><td class=n>1</td><td class=n>{n},00 €</td><td class=n>{n},00 €</td></tr>" for n in range(1, 7)
    )
    + "</tbody></table><p>En vous remerciant de votre confiance, nous vous prions d'agréer l'expression de nos salutations.</p>"
    + _END
)
INVOICE = (
    _HEAD
    + """<p>Nous avons bien reçu votre commande du {{ ordered }} et vous en remercions. Conformément à nos conditions générales, le
montant de {{ total }} sera prélevé le 15 du mois prochain, sauf avis contraire de votre part avant cette date.</p>
{% if late %}<p>Sauf erreur de notre part, votre précédente facture d'un montant de {{ late }} reste impayée à ce jour. Nous vous
remercions de bien vouloir régulariser votre situation dans les meilleurs délais.</p>{% endif %}
<p>Vous trouverez ci-dessous le détail des prestations qui vous sont facturées pour la période écoulée. Notre service clientèle se
tient à votre disposition du lundi au vendredi, de neuf heures à dix-huit heures, pour toute question.</p>"""
    + _COLUMNS
    + """{% for item in items %}<tr><td>{{ item[0] }}</td><td class="n">{{ item[1] }}</td><td class="n">{{ item[2] }}</td>
<td class="n">{{ item[3] }}</td></tr>{% endfor %}
<tr class="total"><td colspan="3">Total TTC</td><td class="n">{{ total }}</td></tr></tbody></table>
<p>En vous remerciant de votre confiance, nous vous prions d'agréer, {{ salutation }}, l'expression de nos salutations.</p>"""
    + _END
)

_FIRST = ["Jean", "Marie", "Luc", "Zoé", "Anne", "Élodie", "François", "Gérard", "Hélène", "Maxime", "Lætitia"]
_LAST = ["Dupont", "Lefèvre", "Müller", "Garçon", "Martin", "Bernard", "O'Connor", "Étienne", "Durand", "Le-Goff"]
_TOWNS = ["75001 PARIS", "69002 LYON", "13008 MARSEILLE", "31000 TOULOUSE", "59000 LILLE", "67000 STRASBOURG", "33000 BORDEAUX"]
_ITEMS = ["Abonnement mensuel", "Consommation d'eau", "Taxe d'assainissement", "Entretien du compteur", "Redevance", "Frais de dossier"]


def rows(count: int, seed: int = 1, *, vary: bool = True) -> Iterator[dict[str, Any]]:
    """Rows for both templates; with `vary`, five to seven items, and a reminder in one letter of three."""
    chance = random.Random(seed)
    for _ in range(count):
        items, total = [], 0
        for _ in range(chance.choice([6, 6, 6, 5, 7]) if vary else 6):
            quantity, price = chance.randint(1, 20), chance.randint(100, 9_999)
            total += quantity * price
            items.append((chance.choice(_ITEMS), quantity, _euros(price), _euros(quantity * price)))
        name = f"{chance.choice(['Monsieur', 'Madame'])} {chance.choice(_FIRST)} {chance.choice(_LAST)}"
        yield {
            "address": [name, f"{chance.randint(1, 200)} rue de la République", chance.choice(_TOWNS)],
            "day": f"{chance.randint(1, 28)} mars 2026",
            "customer": f"C{chance.randint(10**6, 10**7)}",
            "salutation": name.split()[0],
            "ordered": f"{chance.randint(1, 28)} février 2026",
            "total": _euros(total),
            "late": _euros(chance.randint(1_000, 99_999)) if vary and chance.random() < 0.3 else "",
            "items": items,
        }


def assets(folder: Path) -> Path:
    """A folder with the logo of both templates."""
    picture = Image.linear_gradient("L").resize((300, 120)).convert("RGB")
    picture.paste((20, 60, 90), (20, 20, 160, 100))
    picture.save(folder / "logo.png")
    return folder


def _euros(cents: int) -> str:
    return f"{cents // 100:,}".replace(",", "\u202f") + f",{cents % 100:02d}\u00a0€"
