"""Words that may be shortened in an address, in the order in which it is tried: what costs the least meaning first.

France: the list of NF Z 10-011, annex, as La Poste's national address service publishes it. Germany: what Deutsche Post reads. Britain:
the thoroughfares of the Postcode Address File.
"""

#: (words as `plain` writes them, the short form); titles first, then kinds of ways and of buildings, then ranks, then companies
FRENCH: tuple[tuple[str, str], ...] = (
    ("MONSIEUR ET MADAME", "M ET MME"), ("MONSIEUR OU MADAME", "M OU MME"), ("MONSIEUR", "M"), ("MADAME", "MME"),
    ("MADEMOISELLE", "MLLE"), ("MESSIEURS", "MM"), ("MESDAMES", "MMES"), ("MAITRE", "ME"), ("DOCTEUR", "DR"), ("PROFESSEUR", "PR"),
    ("BOULEVARD", "BD"), ("AVENUE", "AV"), ("APPARTEMENT", "APT"), ("BATIMENT", "BAT"), ("RESIDENCE", "RES"), ("IMMEUBLE", "IMM"),
    ("ESCALIER", "ESC"), ("ETAGE", "ETG"), ("LOTISSEMENT", "LOT"), ("FAUBOURG", "FG"), ("IMPASSE", "IMP"), ("CHEMIN", "CHE"),
    ("ALLEES", "ALL"), ("ALLEE", "ALL"), ("PLACE", "PL"), ("ROUTE", "RTE"), ("SQUARE", "SQ"), ("PASSAGE", "PAS"),
    ("ZONE INDUSTRIELLE", "ZI"), ("ZONE ARTISANALE", "ZA"), ("ZONE D ACTIVITES", "ZA"), ("ZONE D ACTIVITE", "ZA"),
    ("PARC D ACTIVITES", "PA"), ("CENTRE COMMERCIAL", "CCAL"), ("LIEU DIT", "LD"), ("HAMEAU", "HAM"), ("QUARTIER", "QUA"),
    ("BOITE POSTALE", "BP"), ("SAINTE", "STE"), ("SAINT", "ST"), ("GENERAL", "GAL"), ("MARECHAL", "MAL"), ("COLONEL", "CL"),
    ("COMMANDANT", "CDT"), ("CAPITAINE", "CNE"), ("LIEUTENANT", "LT"), ("PRESIDENT", "PDT"), ("SERGENT", "SGT"),
    ("ETABLISSEMENTS", "ETS"), ("COMPAGNIE", "CIE"), ("ASSOCIATION", "ASSO"), ("SOCIETE", "SOC"), ("DEPARTEMENTALE", "DEP"),
    ("DEPARTEMENTAL", "DEP"), ("DEPARTEMENT", "DEPT"), ("DIRECTION", "DIR"), ("SERVICE", "SCE"), ("UNIVERSITE", "UNIV"),
    ("CENTRE HOSPITALIER", "CH"), ("HOPITAL", "HOP"), ("INSTITUT", "INST"), ("NATIONALE", "NAT"), ("NATIONAL", "NAT"),
    ("A L ATTENTION DE", "ATTN"), ("INTERNATIONALE", "INTERN"), ("INTERNATIONAL", "INTERN"), ("COMPTABILITE", "COMPTA"),
    ("INFERIEURE", "INF"), ("SUPERIEURE", "SUP"), ("TECHNIQUES", "TECH"), ("TECHNIQUE", "TECH"), ("FRANCAISE", "FSE"),
)  # fmt: skip
GERMAN: tuple[tuple[str, str], ...] = (
    ("GESELLSCHAFT MIT BESCHRANKTER HAFTUNG", "GmbH"), ("AKTIENGESELLSCHAFT", "AG"), ("ZU HANDEN", "z. Hd."), ("STRASSE", "Str."),
    ("PROFESSOR", "Prof."), ("DOKTOR", "Dr."), ("ABTEILUNG", "Abt."), ("GESELLSCHAFT", "Ges."), ("UND", "u."),
)  # fmt: skip
BRITISH: tuple[tuple[str, str], ...] = (
    ("INDUSTRIAL ESTATE", "Ind Est"), ("APARTMENT", "Apt"), ("BUILDINGS", "Bldgs"), ("BUILDING", "Bldg"), ("COMPANY", "Co"),
    ("LIMITED", "Ltd"), ("AVENUE", "Ave"), ("STREET", "St"), ("ROAD", "Rd"), ("LANE", "Ln"), ("SQUARE", "Sq"), ("GARDENS", "Gdns"),
    ("DEPARTMENT", "Dept"), ("CRESCENT", "Cres"), ("TERRACE", "Terr"), ("COURT", "Ct"), ("CLOSE", "Cl"), ("DRIVE", "Dr"),
)  # fmt: skip
#: left out of a French street where nothing shorter is left to write (the last step of NF Z 10-011)
ARTICLES = ("DE LA", "DE L", "DES", "DU", "DE", "LA", "LE", "LES")
