"""Which column of a file holds what: guessed from its name in French or English, to be corrected by a person. Pure."""

import re
from collections.abc import Mapping, Sequence

from postoffice.contacts.words import bare

#: what a column can be; `attribute` keeps it under its own name, "" leaves it out
TARGETS = (
    "name",
    "title",
    "given_name",
    "family_name",
    "company",
    "kind",
    "street",
    "street2",
    "street3",
    "postcode",
    "town",
    "country",
    "email",
    "mobile",
    "fax",
    "language",
    "channel",
    "reference",
    "tags",
    "consent_email",
    "consent_sms",
    "consent_fax",
    "consent_post",
    "consent_all",
    "attribute",
)
#: names of columns, bare and without signs -> target
_NAMES: Mapping[str, str] = {
    name: target
    for target, names in {
        "name": "name nomcomplet fullname contact destinataire recipient nomprenom nometprenom prenomnom displayname libelle fn",
        "title": "civilite title titre salutation civ prefix anrede",
        "given_name": "prenom prenoms firstname givenname forename vorname",
        "family_name": "nom nomdefamille lastname surname familyname nomusage nomdusage nachname",
        "company": "societe company entreprise raisonsociale organisation organization org etablissement account accountname firma",
        "kind": "type kind typecontact contacttype",
        "street": "adresse address rue street adresse1 address1 addressline1 ligneadresse1 voie numeroetvoie adresseligne1 "
        "mailingstreet rueetnumero strasse adr1",
        "street2": "adresse2 address2 addressline2 complement complementadresse complementdadresse adresseligne2 batiment adr2",
        "street3": "adresse3 address3 addressline3 complement2 adresseligne3 lieudit bp boitepostale adr3",
        "postcode": "codepostal cp postcode zip zipcode postalcode plz npa mailingpostalcode",
        "town": "ville town city commune localite ort mailingcity",
        "country": "pays country land codepays countrycode mailingcountry",
        "email": "email mail courriel adressemail adresseemail emailaddress adresseelectronique mel emailpro emailperso emailprive "
        "emailprofessionnel emailpersonnel workemail homeemail email1 email2 email3 mail2 courriel2 adressecourriel",
        "mobile": "mobile portable gsm telmobile telephonemobile telephoneportable telportable mobilephone cell cellphone sms "
        "numeromobile tel telephone phone mobile1 mobile2 numerodetelephone handy mobilenumber phonenumber",
        "fax": "fax telecopie telecopieur faxnumber numerofax numerodefax",
        "language": "langue language lang sprache locale",
        "channel": "canal channel canalprefere preferredchannel preference canaldenvoi",
        "reference": "reference ref numeroclient noclient nclient numclient codeclient clientid customerid customernumber customerno "
        "idclient client id identifiant matricule compte numerocompte externalid crmid contactid customer accountnumber code",
        "tags": "tags tag etiquettes etiquette categories categorie groupe groupes groups segment segments liste",
        "consent_email": "consentemail optinemail consentementemail accordemail optin emailoptin newsletter optinmail consentementmail",
        "consent_sms": "consentsms optinsms consentementsms accordsms smsoptin",
        "consent_fax": "consentfax optinfax consentementfax",
        "consent_post": "consentpost optinpost consentementcourrier optincourrier",
        "consent_all": "consent consentement optinall rgpd gdpr accord",
    }.items()
    for name in names.split()
}
_REPEATED = frozenset({"email", "mobile", "fax", "tags", "attribute"})
_COPY = re.compile(r" \(\d+\)$")


def plain_name(name: str) -> str:
    """A column's name as it is looked up: "Code postal *" -> "codepostal", "N° client" -> "nclient"."""
    return "".join(letter for letter in bare(name.replace("°", "").replace("º", "")) if letter.isalnum())


def unique(names: Sequence[str]) -> list[str]:
    """Names of columns that are all there and all different: "" -> "Column 3", a second "E-mail" -> "E-mail (2)"."""
    seen: dict[str, int] = {}
    made = []
    for number, name in enumerate(names, 1):
        name = " ".join(name.split())[:100] or f"Column {number}"
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made


def guess(names: Sequence[str], remembered: Mapping[str, str] | None = None) -> dict[str, str]:
    """{column: target}. What was chosen for a column of this name before counts more than what its name says.

    Each target is given to the first column that fits, but for those that may come several times; the rest become attributes.
    """
    remembered = remembered or {}
    found: dict[str, str] = {}
    for name in names:
        target = remembered.get(name)
        if target is None or target not in (*TARGETS, ""):
            target = _NAMES.get(plain_name(_COPY.sub("", name)), "attribute")
        if target in found.values() and target not in _REPEATED and target:
            target = "attribute"
        if name.startswith("Column ") and target == "attribute":
            target = ""
        found[name] = target
    if "family_name" in found.values() and not {"given_name", "title"} & set(found.values()) and "name" not in found.values():
        found = {name: "name" if target == "family_name" else target for name, target in found.items()}
    return found


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows holds the names of columns, from 0; -1 where none does.

    A row of group titles over the real one has fewer names that are known.
    """
    best, place = 0, -1
    for number, cells in enumerate(rows[:10]):
        known = sum(plain_name(cell) in _NAMES for cell in cells if cell)
        if known > best:
            best, place = known, number
    if place >= 0:
        return place
    first = [cell for cell in rows[0] if cell] if rows else []
    looks_named = len(first) > 1 and not any("@" in cell or cell[:1].isdigit() or cell.startswith("+") for cell in first)
    return 0 if looks_named and len(rows) > 1 else -1
