"""Thousands of different addresses as companies' files hold them, with what makes them hard; the same for a given seed.

Postcodes and towns belong together (from general knowledge, not from the reader's own data), so that a finding about them is a fault
of the reader; `wrong_address` breaks one on purpose, so that silence about it is a fault.
"""

import random
from collections.abc import Callable


def _list(text: str) -> list[str]:
    return text.split("|")


_FIRST = _list(
    "Jean|Zoé|François|Léa|Noël|Agnès|Jérôme|Marie-Thérèse|Inès|Björn|Anaïs|Cœlia|Hélène|Loïc|Gaëtan|Maëlle|Théo|Chloé|Rémi|"
    "Aïcha|Mohamed|Ousmane|Thanh|Ngọc|Łukasz|Şeyma|José|Núria|Søren|Åsa|Eléonore|Aurélien|Clémence|Barnabé|Firmin|Odile|Yves|"
    "Sylvie|Pierre-Yves|Jean-Noël|Éric|Édith|Ève|Ulysse|Xavier|Wilfried|Quentin|Kévin|Guillaume|Violette"
)
_LAST = _list(
    "DUPONT|LEFÈVRE|D'ARRAS|L'HERMITTE|GARCÍA|MÜLLER|O'BRIEN|DE LA TOUR|NGUYỄN|ÇELIK|BŒUF|LE GOFF|Martin|Bernard|Petit-Jean|"
    "Roux|Fournier|Girard|Bonnet|Lambert|Fontaine|Rousseau|Vincent|Faure|Mercier|Blanc|Guérin|Boyer|Garnier|Chevalier|"
    "Legrand|Gauthier|Périer|Châtelain|Saint-Ouen|de Villepin|van den Berghe|Lloret i Vidal|Kowalczyk|Öztürk|Traoré|N'Diaye|"
    "M'Barek|Abd el-Kader|Ó Súilleabháin|Hélias|Le Bihan|Quéméner|Etchegaray|Muñoz|Schœlcher|Strauß|Weiß|Æbelø"
)
_STREETS = _list(
    "rue de la République|avenue du Général de Gaulle|impasse des Lilas|bd de l'Égalité|allée des Chênes|quai d'Orsay|"
    "rue du Faubourg St-Honoré|place de l'Hôtel de Ville|chemin du Bois Fleuri|route de Saint-Rémy|cours Gambetta|"
    "square Émile Zola|rue du 8 Mai 1945|rue Pasteur|avenue Jean Jaurès|rue de l'Abbé Grégoire|sentier des Écoliers|"
    "rue Marie Curie|rue Sainte-Catherine|passage du Désir|rue d'Ulm|montée de la Grande Côte|rue du Onze Novembre|"
    "avenue de l'Europe|rue Voltaire|esplanade Charles de Gaulle|voie Romaine|rue n° 12"
)
_TOWNS = _list(
    "75008 PARIS|75011 PARIS|69003 LYON|69100 VILLEURBANNE|13001 MARSEILLE|13008 MARSEILLE|31000 TOULOUSE|06000 NICE|"
    "44000 NANTES|34000 MONTPELLIER|67000 STRASBOURG|33000 BORDEAUX|59000 LILLE|35000 RENNES|51100 REIMS|83000 TOULON|"
    "42000 SAINT ETIENNE|76600 LE HAVRE|38000 GRENOBLE|21000 DIJON|49000 ANGERS|30000 NIMES|63000 CLERMONT FERRAND|"
    "72000 LE MANS|13100 AIX EN PROVENCE|29200 BREST|37000 TOURS|80000 AMIENS|87000 LIMOGES|74000 ANNECY|66000 PERPIGNAN|"
    "57000 METZ|25000 BESANCON|45000 ORLEANS|76000 ROUEN|68100 MULHOUSE|14000 CAEN|54000 NANCY|92100 BOULOGNE BILLANCOURT|"
    "93200 SAINT DENIS|94000 CRETEIL|78000 VERSAILLES|20000 AJACCIO|20200 BASTIA|01000 BOURG EN BRESSE|56100 LORIENT|"
    "22000 SAINT BRIEUC|29000 QUIMPER|64000 PAU|17000 LA ROCHELLE|86000 POITIERS|62100 CALAIS|68000 COLMAR|10000 TROYES|"
    "73000 CHAMBERY|79000 NIORT|46000 CAHORS|15000 AURILLAC|48000 MENDE|05000 GAP|97400 SAINT DENIS|97200 FORT DE FRANCE|"
    "97110 POINTE A PITRE|97300 CAYENNE|97600 MAMOUDZOU|98000 MONACO|98800 NOUMEA|98714 PAPEETE"
)
_CEDEX = _list(
    "92057 PARIS LA DEFENSE CEDEX|44042 NANTES CEDEX 1|75379 PARIS CEDEX 08|69427 LYON CEDEX 03|31072 TOULOUSE CEDEX 6|"
    "67070 STRASBOURG CEDEX|35042 RENNES CEDEX|59034 LILLE CEDEX|33076 BORDEAUX CEDEX|13235 MARSEILLE CEDEX 2|"
    "38021 GRENOBLE CEDEX 1|54035 NANCY CEDEX|00401 ARMEES|57998 METZ ARMEES|21033 DIJON CEDEX"
)
_COMPANIES = _list(
    "SARL Les Épicéas|SOCIÉTÉ GÉNÉRALE DE PLOMBERIE DU MIDI|Éts Bœuf & Fils|ACME FRANCE SAS|C.P.A.M. DU BAS-RHIN|"
    "S.A. Dufour/Lenoir|URSSAF Île-de-France|Mairie de Saint-Cyr|Clinique vétérinaire du Pré|2IE Ingénierie|"
    "GAEC DES 3 CHÊNES|Cabinet Roy & Associés|SCI LE 12|Lycée Jean Moulin|1001 Vies Habitat|AXA Assurances (Agence 0457)|"
    "Café « Le Zinc »|B+M Architectes|SNC L'@telier|R3 CONSEIL"
)
_EXTRAS = _list(
    "BÂTIMENT C ESCALIER 2|Entrée B|LE CLOS DES VIGNES|Résidence Les Jardins|Appt 12 - 3ème étage|Bât. A, porte 14|"
    "c/o Mme Vasseur|Chez M. et Mme Roy|À l'attention de Mme Hervé|Service comptabilité|A L'ATTENTION DU GERANT|"
    "Direction des achats|Tour Égée"
)
_BOXES = ["BP 90432", "CS 30158", "Lieu-dit Le Petit Moulin", "TSA 10101", "BP 7", "ZA de Kerbois", "CIDEX 14"]
_FOREIGN = (
    "Café Müller GmbH|Hauptstraße 12|10115 BERLIN|ALLEMAGNE;Mr Arthur DENT|155 Country Lane|CAMBRIDGE|CB1 2AB|ROYAUME-UNI"
    ";Señora Peña|Calle Mayor 5, 3º B|28013 MADRID|ESPAGNE;M. Luc PEETERS|Rue de la Loi 16|1000 BRUXELLES|BELGIQUE"
    ";Mme Eva KELLER|Bahnhofstrasse 3|8001 ZÜRICH|SUISSE;ACME Inc|1600 Amphitheatre Pkwy|MOUNTAIN VIEW CA 94043|ETATS-UNIS"
    ";Sig. Marco ROSSI|Via Roma 1|00184 ROMA RM|ITALIE;Pan Wójcik|ul. Długa 5|00-238 WARSZAWA|POLOGNE;Mevr. de Vries|Damrak 1"
    "|1012 LG AMSTERDAM|PAYS-BAS"
    ";Sr. João Mendonça|Rua Augusta 24|1100-053 LISBOA|PORTUGAL;Fru Ågesen|Nørregade 7|1165 KØBENHAVN K|DANEMARK"
    ";M. Trudel|1200 rue Sherbrooke|MONTRÉAL QC H3A 1H6|CANADA;Ms O'Dea|4 Main Street|DUBLIN 2|IRELAND;Société Atlas"
    "|12 rue Tarik|20000 CASABLANCA|MAROC"
)
_GERMAN_TOWNS = _list(
    "80331 München|50667 Köln|10115 Berlin|18055 Rostock|01067 Dresden|60311 Frankfurt am Main|20095 Hamburg|53111 Bonn|"
    "65183 Wiesbaden|70173 Stuttgart|04109 Leipzig|28195 Bremen|30159 Hannover|90402 Nürnberg|99084 Erfurt|24103 Kiel|"
    "66111 Saarbrücken|55116 Mainz|79098 Freiburg im Breisgau|93047 Regensburg|89073 Ulm|48143 Münster|40213 Düsseldorf|"
    "44135 Dortmund|45127 Essen|52062 Aachen"
)
_GERMAN_STREETS = _list(
    "Große Straße|Am Alten Markt|Weg|Goethestr.|Hinter der Mühle|Straße des 17. Juni|An der Löwenbrücke|Königsallee|Zum Süßen Grund"
)
_BRITISH_TOWNS = (
    "LONDON|SW1A 1AA;CARDIFF|CF10 3AT;GLASGOW|G2 1DU;BRISTOL|BS1 4ST;LEEDS|LS1 4AP;EDINBURGH|EH1 1YZ;BELFAST|BT1 5GS"
    ";Great Missenden|HP16 9PS"
    ";York|YO1 7HH;OXFORD|OX1 1BX;Truro|TR1 2HE;Lerwick|ZE1 0LL;St Albans|AL3 5DJ;Newcastle upon Tyne|NE1 7RU;Kirkwall"
    "|KW15 1NY;EXETER|EX4 3LS"
)
#: what stands above an address and is no part of it
NOTICES = {
    "fr": "PERSONNEL ET CONFIDENTIEL|N/Réf : 2026-00417|LETTRE RECOMMANDEE AVEC AR|Confidentiel|Lettre recommandée R1 AR"
    "|N° client : 00417845"
    "|Réf. client : AB 12345|Strictement personnel|1A 123 456 7890 1|RK 123 456 789 FR|LRAR|Personnel & confidentiel"
    "|Dossier n° 2026/118"
    "|Par avion|Expéditeur : Aubrac SA, 2 rue B, 75002 PARIS|PLI URGENT|0001234 5678 000012",
    "din": "Persönlich|Einschreiben Einwurf|Vertraulich|Kundennummer 471100|Unser Zeichen: AB 12|Einschreiben Rückschein"
    "|Nicht nachsenden!"
    "|Persönlich/Vertraulich",
    "uk": "PRIVATE AND CONFIDENTIAL|Our ref: 2026/00417|Private & Confidential|Signed For 1st Class|Account number 00417845",
}


def address(chance: random.Random, layout: str) -> list[str]:
    """The lines of one address that suits a window, at most 38 characters a line in France."""
    return {"fr": _french, "din": _german, "uk": _british}[layout](chance)


def addresses(count: int, seed: int, layout: str) -> list[list[str]]:
    """So many different addresses."""
    chance = random.Random(f"addresses-{layout}-{seed}")
    found: dict[tuple[str, ...], None] = {}
    while len(found) < count:
        found[tuple(address(chance, layout))] = None
    return [list(lines) for lines in found]


def _person(chance: random.Random, titles: str) -> str:
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    return f"{chance.choice(titles.split('|'))} {name}".strip() if chance.random() < 0.9 else name


def _french(chance: random.Random) -> list[str]:
    if chance.random() < 0.1:
        return chance.choice(_FOREIGN.split(";")).split("|")
    person = _person(chance, "M.|Mme|Monsieur|Madame|Mlle|M. et Mme|Me|Dr")
    lines = [chance.choice(_COMPANIES)] if chance.random() < 0.35 else []
    lines += [person] if not lines or chance.random() < 0.7 else []
    lines += [chance.choice(_EXTRAS)] if chance.random() < 0.35 else []
    street = f"{chance.randint(1, 250)}{chance.choice(['', '', '', ' bis', ' TER', ' A', ','])} {chance.choice(_STREETS)}"
    lines.append(street.upper() if chance.random() < 0.6 else street)
    lines += [chance.choice(_BOXES)] if chance.random() < 0.2 else []
    lines.append(chance.choice(_CEDEX if chance.random() < 0.2 else _TOWNS))
    if chance.random() < 0.15:
        code, town = lines[-1].split(" ", 1)
        lines[-1] = f"{code} {town.title()}"
    return [line[:38].rstrip(" ,-") for line in lines]


def _german(chance: random.Random) -> list[str]:
    if chance.random() < 0.1:
        return chance.choice(
            ["Familie Schön|Weg 3 b|1010 WIEN|ÖSTERREICH", "Mme Zoé Lefèvre|3 rue du Puits|67000 STRASBOURG|FRANKREICH"]
        ).split("|")
    lines = [chance.choice(["Möbel Groß GmbH & Co. KG", "Stadtwerke Süd AG", "Bäckerei Jäger e. K."])] if chance.random() < 0.3 else []
    lines += ["Herrn", _person(chance, "Dr.|Prof. Dr.|")] if chance.random() < 0.3 else [_person(chance, "Herrn|Frau|Familie|Eheleute")]
    lines += [
        chance.choice(
            ["Postfach 10 11 12", f"{chance.choice(_GERMAN_STREETS)} {chance.randint(1, 199)}{chance.choice(['', ' a', '/3'])}"]
        )
    ]
    return [*lines, chance.choice(_GERMAN_TOWNS)]


def _british(chance: random.Random) -> list[str]:
    town, code = chance.choice(_BRITISH_TOWNS.split(";")).split("|")
    lines = [chance.choice([_person(chance, "Mr|Mrs|Ms|Dr|Sir"), "The Occupier", "Acme Ltd", "J. & K. O'Neill"])]
    lines += [f"Flat {chance.randint(1, 40)}{chance.choice(['', 'B'])}"] if chance.random() < 0.3 else []
    lines += [f"{chance.randint(1, 200)} {chance.choice(['High Street', 'St John’s Road', 'Rose Lane', 'The Green', 'Abbey Rd'])}"]
    lines += ["Little Hampden"] if chance.random() < 0.2 else []
    return [*lines, f"{town} {code}"] if chance.random() < 0.2 else [*lines, town, code]


def _no_postcode(chance: random.Random, lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1].split(" ", 1)[1]]


def _other_town(chance: random.Random, lines: list[str]) -> list[str]:
    code, town = lines[-1].split(" ", 1)
    return [*lines[:-1], f"{'75013' if not code.startswith('75') else '69007'} {town if 'PARIS' not in town.upper() else 'BREST'}"]


def _no_such_code(chance: random.Random, lines: list[str]) -> list[str]:
    return [*lines[:-1], f"{chance.choice(['99123', '96200', '97950', '98123'])} {lines[-1].split(' ', 1)[1]}"]


def _digit_lost(chance: random.Random, lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1][:4] + lines[-1][5:]]


def _misspelt(chance: random.Random, lines: list[str]) -> list[str]:
    town = chance.choice(["67000 STRASBURG", "33000 BORDAUX", "38000 GRENOBEL", "35000 RENNE S", "59000 LILE", "34000 MONTPELIER"])
    return [*lines[:-1], town]


def _field_left(chance: random.Random, lines: list[str]) -> list[str]:
    return [chance.choice(["«Nom» «Prénom»", "{{ name }}", "<<Societe>>", "[NOM]"]), *lines[1:]]


def _too_long(chance: random.Random, lines: list[str]) -> list[str]:
    return ["Jean-Baptiste-Emmanuel-Zorg de Castelbajac", *lines[1:]]


def _too_many(chance: random.Random, lines: list[str]) -> list[str]:
    return ["Une", "Deux", "Trois", "Quatre", "Cinq", *lines[-2:]]


def _country_misspelt(chance: random.Random, lines: list[str]) -> list[str]:
    return [lines[0], f"Rue de la Loi {chance.randint(1, 99)}", "1000 BRUXELLES", "BELGIQE"]


#: ways in which a French address is wrong, each of which must be told
WRONG: dict[str, Callable[[random.Random, list[str]], list[str]]] = {
    "no-postcode": _no_postcode,
    "other-town": _other_town,
    "no-such-code": _no_such_code,
    "digit-lost": _digit_lost,
    "misspelt": _misspelt,
    "field-left": _field_left,
    "too-long": _too_long,
    "too-many": _too_many,
    "country-misspelt": _country_misspelt,
}


def wrong_address(chance: random.Random, how: str) -> list[str]:
    """A French address that is wrong in one of the ways of WRONG."""
    town = chance.choice(_TOWNS[:60])
    return WRONG[how](chance, [_person(chance, "M.|Mme"), f"{chance.randint(1, 99)} {chance.choice(_STREETS)}", town])
