"""Recipients with awkward but lawful addresses, the same for a given seed."""

import random
from dataclasses import dataclass

_FIRST = [
    "Jean",
    "Zoé",
    "François",
    "Léa",
    "Noël",
    "Agnès",
    "Jérôme",
    "Marie-Thérèse",
    "Inès",
    "Björn",
    "Anaïs",
    "Cœlia",
    "Hélène",
    "Loïc",
]
_LAST = [
    "DUPONT",
    "LEFÈVRE",
    "D'ARRAS",
    "L'HERMITTE",
    "GARCÍA",
    "MÜLLER",
    "O'BRIEN",
    "DE LA TOUR D'AUVERGNE",
    "NGUYÊN",
    "ÇELIK",
    "BŒUF",
    "LE GOFF",
]
_STREETS = [
    "RUE DE LA RÉPUBLIQUE",
    "AVENUE DU GÉNÉRAL DE GAULLE",
    "IMPASSE DES LILAS",
    "BD DE L'ÉGALITÉ",
    "ALLÉE DES CHÊNES",
    "QUAI D'ORSAY",
]
_TOWNS = [
    "75008 PARIS",
    "92057 PARIS LA DEFENSE CEDEX 3",
    "13100 AIX EN PROVENCE",
    "67000 STRASBOURG",
    "20000 AJACCIO",
    "01000 BOURG EN BRESSE",
    "97400 SAINT DENIS",
    "44042 NANTES CEDEX 1",
    "69003 LYON",
    "98000 MONACO",
]
_COMPANIES = ["SARL Les Épicéas", "SOCIÉTÉ GÉNÉRALE DE PLOMBERIE DU MIDI", "Éts Bœuf & Fils", "ACME FRANCE SAS", "C.P.A.M. DU BAS-RHIN"]
_EXTRAS = ["BÂTIMENT C ESCALIER 2", "ENTRÉE B", "LE CLOS DES VIGNES", "RÉSIDENCE LES JARDINS"]
_BOXES = ["BP 90432", "CS 30158", "LIEU DIT LE PETIT MOULIN", "TSA 10101"]
_FOREIGN = [
    ["Café Müller GmbH", "Hauptstraße 12", "10115 BERLIN", "ALLEMAGNE"],
    ["Mr Arthur DENT", "155 Country Lane", "COTTINGTON", "CB1 2AB", "ROYAUME-UNI"],
    ["Señora Peña", "Calle Mayor 5, 3º B", "28013 MADRID", "ESPAGNE"],
    ["M. Luc PEETERS", "Rue de la Loi 16", "1000 BRUXELLES", "BELGIQUE"],
    ["Mme Eva KELLER", "Bahnhofstrasse 3", "8001 ZÜRICH", "SUISSE"],
    ["ACME Inc", "1600 Amphitheatre Pkwy", "MOUNTAIN VIEW CA 94043", "ETATS-UNIS"],
    ["Sig. Marco ROSSI", "Via Roma 1", "00184 ROMA RM", "ITALIE"],
]
_GERMAN = [
    ["Herrn", "Jürgen Weiß", "Große Straße 7", "80331 München"],
    ["Frau Dr. Ines Öztürk", "Am Alten Markt 12", "18055 Rostock"],
    ["Möbel Groß GmbH & Co. KG", "Einkauf", "Herrn Paul Jäger", "Postfach 10 11 12", "50667 Köln"],
    ["Familie Schön", "Weg 3 b", "1010 WIEN", "ÖSTERREICH"],
    ["Mme Zoé Lefèvre", "3 rue du Puits", "67000 STRASBOURG", "FRANKREICH"],
]
_BRITISH = [
    ["Mr A. N. Other", "1 High Street", "London", "SW1A 1AA"],
    ["Mrs Siân O'Neill", "Flat 3", "27 St John's Road", "CARDIFF", "CF10 3AT"],
    ["The Occupier", "Rose Cottage", "Little Hampden", "Great Missenden", "Bucks", "HP16 9PS"],
    ["Acme Ltd", "12 George Square", "GLASGOW", "G2 1DU"],
    ["Mme Zoé Lefèvre", "3 rue du Puits", "67000 STRASBOURG", "FRANCE"],
]


@dataclass(frozen=True)
class Truth:
    """What a reader must find: page numbers count from 1."""

    first_page: int
    pages: int
    lines: tuple[str, ...]


def french(chance: random.Random) -> list[str]:
    """A French address of 3 to 6 lines, or one abroad with its country line; at most 38 characters a line."""
    if chance.random() < 0.1:
        return list(chance.choice(_FOREIGN))
    lines = []
    if chance.random() < 0.3:
        lines.append(chance.choice(_COMPANIES))
    lines.append(f"{chance.choice(['M.', 'Mme', 'Monsieur', 'Madame'])} {chance.choice(_FIRST)} {chance.choice(_LAST)}"[:38].rstrip())
    if chance.random() < 0.25:
        lines.append(chance.choice(_EXTRAS))
    lines.append(f"{chance.randint(1, 250)}{chance.choice(['', '', ' BIS', ' TER'])} {chance.choice(_STREETS)}")
    if chance.random() < 0.2:
        lines.append(chance.choice(_BOXES))
    return [*lines, chance.choice(_TOWNS)]


def recipient(chance: random.Random, layout: str) -> list[str]:
    """The lines of one address that suits a window."""
    if layout.startswith("din"):
        return list(chance.choice(_GERMAN))
    if layout == "uk":
        return list(chance.choice(_BRITISH))
    return french(chance)
