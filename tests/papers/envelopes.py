"""Returned envelopes as they reach the station, made by seeded code: scanned sheets, photographed window envelopes, stamps, noise.

Each is a picture with the delivery that it shows. Some bear no readable code any more and can only be told by their address.
"""

import io
import random
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from postoffice.model.address import PostalAddress
from postoffice.pdf import datamatrix

FIRST = ("Anne", "Zoé", "Jean", "Pierre", "Lucie", "Karim", "Élodie", "Marc", "Inès", "Hugo", "Léa", "Noël", "Aïcha", "Paul")
LAST = ("Lefèvre", "Dupont", "Martin", "Bernard", "Moreau", "Petit", "Roux", "Fontaine", "Chevalier", "Garnier", "Faure", "Mercier")
STREETS = ("rue des Lilas", "avenue du Port", "quai d'Orsay", "boulevard Voltaire", "impasse du Moulin", "place de l'Église")
TOWNS = (("75011", "PARIS"), ("56100", "LORIENT"), ("69003", "LYON"), ("31000", "TOULOUSE"), ("59000", "LILLE"), ("35000", "RENNES"))
STAMPS = ("NPAI", "DESTINATAIRE INCONNU", "RETOUR A L'ENVOYEUR", "PLI NON DISTRIBUABLE", "ACCES OU ADRESSE")
DPI = 200


@dataclass(frozen=True)
class Envelope:
    """One picture. `kind`: sheet, window, or bare (its code is torn or stamped over)."""

    delivery_id: str
    address: PostalAddress
    picture: Image.Image
    kind: str

    def jpeg(self) -> bytes:
        """As a camera or a scanner hands it over."""
        target = io.BytesIO()
        self.picture.save(target, "JPEG", quality=70)
        return target.getvalue()


def addresses(count: int, seed: int = 5) -> list[PostalAddress]:
    """Addresses of a town that share names, streets and postcodes: neighbours are alike."""
    dice, found = random.Random(seed), {}
    while len(found) < count:
        postcode, town = dice.choice(TOWNS)
        name = f"{dice.choice(('M.', 'Mme'))} {dice.choice(FIRST)} {dice.choice(LAST)}"
        lines = (name, f"{dice.randint(1, 180)} {dice.choice(STREETS)}", f"{postcode} {town}")
        found[lines] = PostalAddress(lines, postcode, town, "FR")
    return list(found.values())


def envelopes(some: list[tuple[bytes, str, PostalAddress]], seed: int = 40) -> list[Envelope]:
    """A picture of each (the code's 16 bytes, delivery id, address): sheets, windows and, one in seven, bare ones in turn."""
    made = []
    for number, (identity, delivery_id, address) in enumerate(some):
        dice = random.Random(seed * 1000 + number)
        kind = "bare" if number % 7 == 6 else "window" if number % 2 else "sheet"
        code = _code(identity) if kind != "bare" else None
        paper = _sheet(dice, code, address) if kind == "sheet" else _window(dice, code, address)
        made.append(Envelope(delivery_id, address, _worn(paper, dice, photographed=kind != "sheet"), kind))
    return made


def blank(seed: int = 1) -> Image.Image:
    """The back of an envelope: grain, a fold, nothing else."""
    dice = random.Random(seed)
    image = Image.new("L", (1200, 800), 236)
    ImageDraw.Draw(image).line((0, 420, 1200, 405), fill=222, width=3)
    return _noisy(image, dice, 5)


def _mm(value: float) -> int:
    return round(value * DPI / 25.4)


def _code(identity: bytes) -> Image.Image:
    rows = datamatrix.modules(datamatrix.Code(identity, 1, 1))
    small = Image.new("L", (len(rows) + 2, len(rows) + 2), 255)
    for down, row in enumerate(rows):
        for across, module in enumerate(row):
            if module == "1":
                small.putpixel((across + 1, down + 1), 15)
    side = _mm(datamatrix.SIDE)
    return small.resize((side, side), Image.Resampling.NEAREST)


def _font(points: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points * DPI / 72)


def _address(draw: ImageDraw.ImageDraw, x: float, y: float, address: PostalAddress) -> None:
    for number, line in enumerate(address.lines):
        draw.text((_mm(x), _mm(y + 4.8 * number)), line, fill=25, font=_font(11))


def _sheet(dice: random.Random, code: Image.Image | None, address: PostalAddress) -> Image.Image:
    """The letter itself, taken out and scanned, with its code in the margin."""
    image = Image.new("L", (_mm(210), _mm(297)), 252)
    draw = ImageDraw.Draw(image)
    _address(draw, 112, 58, address)
    for number in range(dice.randint(8, 20)):
        draw.text(
            (_mm(25), _mm(105 + 6 * number)),
            "Nous vous prions de trouver ci-joint votre facture du mois."[: dice.randint(20, 60)],
            fill=40,
            font=_font(10),
        )
    if code:
        image.paste(code, (_mm(5), _mm(dice.choice((279, 262, 160)))))
    _stamp(image, dice, (30, 20))
    return image


def _window(dice: random.Random, code: Image.Image | None, address: PostalAddress) -> Image.Image:
    """A DL envelope on a table: the window, glossy, shows the address and the code beside it."""
    table = Image.new("L", (_mm(250), _mm(140)), dice.randint(70, 130))
    envelope = Image.new("L", (_mm(220), _mm(110)), 232)
    window = Image.new("L", (_mm(100), _mm(35)), 246)
    draw = ImageDraw.Draw(window)
    _address(draw, 4, 6, address)
    if code:
        window.paste(code, (_mm(83), _mm(10)))
    gloss = Image.new("L", window.size, 0)
    ImageDraw.Draw(gloss).polygon([(0, 0), (_mm(30), 0), (_mm(5), _mm(35)), (0, _mm(35))], fill=22)
    envelope.paste(ImageChops.add(window, gloss.filter(ImageFilter.GaussianBlur(9))), (_mm(105), _mm(50)))
    ImageDraw.Draw(envelope).text((_mm(8), _mm(8)), "Mairie de Test - 1 place du Marché", fill=60, font=_font(8))
    _stamp(envelope, dice, (15, 30))
    table.paste(envelope, (_mm(15), _mm(15)))
    return table


def _stamp(image: Image.Image, dice: random.Random, at: tuple[float, float]) -> None:
    """The post's word in its red box, askew; never quite over the address."""
    word = dice.choice(STAMPS)
    stamp = Image.new("L", (_mm(68), _mm(14)), 0)
    draw = ImageDraw.Draw(stamp)
    draw.rectangle((4, 4, stamp.width - 5, stamp.height - 5), outline=150, width=5)
    draw.text((_mm(4), _mm(4)), word, fill=150, font=_font(11))
    turned = stamp.rotate(dice.uniform(-14, 14), expand=True)
    place = (_mm(at[0] + dice.uniform(-5, 5)), _mm(at[1] + dice.uniform(-4, 4)))
    region = image.crop((*place, place[0] + turned.width, place[1] + turned.height))
    image.paste(ImageChops.subtract(region, turned), place)


def _worn(paper: Image.Image, dice: random.Random, *, photographed: bool) -> Image.Image:
    """Turned, shaded, blurred and noisy."""
    angle = dice.uniform(-9, 9) + dice.choice((0, 0, 0, 180, 90))
    if photographed and dice.random() < 0.3:
        angle += dice.uniform(-25, 25)
    image = paper.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper.getpixel((2, 2)))
    if photographed:
        shade = Image.linear_gradient("L").resize(image.size).point([dice_level // 4 for dice_level in range(256)])
        image = ImageChops.subtract(image, shade.transpose(dice.choice(tuple(Image.Transpose))).resize(image.size))
    image = image.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.5)))
    return _noisy(image, dice, dice.uniform(3, 22))


def _noisy(image: Image.Image, dice: random.Random, sigma: float) -> Image.Image:
    """Grain of a sensor, and specks of dust."""
    rough = Image.frombytes("L", (256, 256), bytes(min(255, max(0, round(dice.gauss(128, sigma)))) for _ in range(65536)))
    grain = Image.new("L", image.size)
    for left in range(0, image.width, 256):
        for top in range(0, image.height, 256):
            grain.paste(rough.rotate(dice.choice((0, 90, 180, 270))), (left, top))
    worn = ImageChops.add(image, grain, scale=1, offset=-128)
    draw = ImageDraw.Draw(worn)
    for _ in range(30):
        x, y = dice.randrange(worn.width), dice.randrange(worn.height)
        draw.ellipse((x, y, x + dice.randint(1, 4), y + dice.randint(1, 4)), fill=dice.choice((30, 90, 250)))
    return worn
