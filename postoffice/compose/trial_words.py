"""Words of the trial letters: invented people, streets and sentences, and the widths of Helvetica's letters."""

SENDER = (
    "Aubrac Énergies",
    "Chauffage, entretien et dépannage",
    "12 quai des Étroits",
    "69005 Lyon",
    "04 00 00 00 00 – service.clients@aubrac-energies.example",
    "Aubrac Énergies SAS au capital de 120 000 € – 12 quai des Étroits, 69005 Lyon – RCS Lyon 000 000 000 – TVA FR00000000000",
    "Claire Vasseur",
    "Directrice de la relation clients",
)
TITLES = ("M.", "Mme", "Monsieur", "Madame")
FIRST_NAMES = (
    "Jean", "Zoé", "François", "Léa", "Noël", "Agnès", "Jérôme", "Marie-Thérèse", "Inès", "Anaïs", "Hélène", "Loïc", "Camille", "Théo",
    "Aïcha", "Karim", "Solène", "Étienne", "Clémence", "Maxime", "Béatrice", "Yann", "Maëlle", "Gérard",
)  # fmt: skip
LAST_NAMES = (
    "DUPONT", "LEFÈVRE", "D'ARRAS", "GARNIER", "MOREAU", "LE GOFF", "BERTHIER", "ROUSSEL", "CHEVALIER", "MARÉCHAL", "PERRIN", "FABRE",
    "NGUYEN", "BENALI", "DE LA TOUR", "CARPENTIER", "LACOMBE", "SÉGUIN", "VIDAL", "POMMIER", "KELLER", "MARTINEZ", "ÉVRARD",
)  # fmt: skip
COMPANIES = (
    "SARL LES ÉPICÉAS",
    "BOULANGERIE DU MARCHÉ",
    "ACME FRANCE SAS",
    "SCI DES TROIS MOULINS",
    "GARAGE DE L'ÉTOILE",
    "CABINET MARÉCHAL",
)
EXTRAS = ("BÂTIMENT C ESCALIER 2", "ENTRÉE B", "RÉSIDENCE LES JARDINS", "APPARTEMENT 12", "LE CLOS DES VIGNES")
STREETS = (
    "RUE DE LA RÉPUBLIQUE", "AVENUE DU GÉNÉRAL DE GAULLE", "IMPASSE DES LILAS", "BOULEVARD DE L'ÉGALITÉ", "ALLÉE DES CHÊNES",
    "QUAI DES ÉTROITS", "PLACE DU MARCHÉ", "CHEMIN DES AMOUREUX", "RUE VICTOR HUGO", "COURS LAFAYETTE", "RUE DU PUITS",
)  # fmt: skip
TOWNS = (
    "75008 PARIS", "92057 PARIS LA DEFENSE CEDEX 3", "13100 AIX EN PROVENCE", "67000 STRASBOURG", "20000 AJACCIO", "69003 LYON",
    "01000 BOURG EN BRESSE", "97400 SAINT DENIS", "44042 NANTES CEDEX 1", "31000 TOULOUSE", "59000 LILLE", "35000 RENNES",
    "63000 CLERMONT FERRAND", "38000 GRENOBLE", "06000 NICE", "87000 LIMOGES",
)  # fmt: skip

#: (subject, opening, further paragraphs)
BODIES = (
    (
        "Votre facture",
        "Vous trouverez ci-dessous le détail de votre facture. Son montant sera prélevé sur votre compte le 15 du mois, sauf si vous "
        "avez choisi un autre mode de paiement.",
        (
            "Le contrat d'entretien couvre une visite par an, le réglage du brûleur, le contrôle de la sécurité et le déplacement de "
            "nos techniciens sept jours sur sept. Les pièces sont garanties deux ans à compter de leur pose.",
            "Pour nous aider à préparer votre visite, merci de dégager l'accès à la chaudière et de tenir à disposition le carnet "
            "d'entretien. Si la date proposée ne vous convient pas, un simple appel suffit pour en convenir d'une autre.",
            "Votre consommation est en baisse par rapport à l'année passée. Les conseils de nos techniciens et un réglage fin de la "
            "température permettent souvent de gagner encore quelques points.",
            "Tout retard de paiement entraîne des pénalités au taux légal ainsi qu'une indemnité forfaitaire pour frais de "
            "recouvrement de 40 euros. Aucun escompte n'est accordé pour paiement anticipé.",
        ),
    ),
    (
        "Renouvellement de votre contrat",
        "Votre contrat d'entretien arrive à son terme à la fin du mois prochain. Sans avis contraire de votre part, il sera "
        "reconduit pour une année aux conditions rappelées ci-dessous.",
        (
            "Cette année, nous avons étendu les horaires de notre service d'urgence et ouvert une agence à Villefranche. Le délai "
            "moyen d'intervention est ainsi passé sous les quatre heures.",
            "Conformément à la loi, vous pouvez mettre fin au contrat à tout moment à compter de sa reconduction, par lettre ou "
            "depuis votre espace personnel. Les sommes versées d'avance vous seront rendues au prorata.",
            "Le nouveau tarif tient compte de l'évolution de l'indice des prix à la production. Il reste inférieur à la moyenne "
            "relevée dans la région pour des prestations comparables.",
        ),
    ),
    (
        "Rappel d'échéance",
        "Sauf erreur de notre part, les sommes ci-dessous restent dues. Si votre règlement a croisé ce courrier, nous vous prions de "
        "ne pas en tenir compte.",
        (
            "Vous pouvez régler par virement, par chèque ou en ligne. Pensez à rappeler la référence de ce courrier, qui nous permet "
            "d'affecter votre paiement sans délai.",
            "Si vous rencontrez une difficulté passagère, notre service peut convenir avec vous d'un échéancier. Une réponse vous "
            "sera donnée sous deux jours ouvrés.",
            "À défaut de règlement sous quinze jours, nous serions contraints de suspendre les interventions prévues au contrat, "
            "sans que cela remette en cause les garanties déjà acquises.",
        ),
    ),
)
CLOSING = (
    "Nous vous remercions de votre confiance et vous prions d'agréer, Madame, Monsieur, l'expression de nos salutations distinguées."
)

#: widths of WinAnsi codes 32 to 255 in thousandths of the size (Adobe font metrics of Helvetica and Helvetica-Bold)
_WIDTHS = """
278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556
1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556
333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584 556
556 278 222 556 333 1000 556 556 333 1000 667 333 1000 278 611 278 278 222 222 333 333 350 556 1000 333 1000 500 333 944 278 500
667 278 333 556 556 556 556 260 556 333 737 370 556 584 556 737 333 400 584 333 333 333 556 537 278 333 333 365 556 834 834 834
611 667 667 667 667 667 667 1000 722 667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667 667
611 556 556 556 556 556 556 889 500 556 556 556 556 278 278 278 278 556 556 556 556 556 556 556 584 611 556 556 556 556 500 556
500
"""
_WIDTHS_BOLD = """
278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 584 584 584 611
975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556
333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584 556
556 278 278 556 500 1000 556 556 333 1000 667 333 1000 278 611 278 278 278 278 500 500 350 556 1000 333 1000 556 333 944 278 500
667 278 333 556 556 556 556 280 556 333 737 370 556 584 556 737 333 400 584 333 333 333 611 556 278 333 333 365 556 834 834 834
611 722 722 722 722 722 722 1000 722 667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667 667
611 556 556 556 556 556 556 889 556 556 556 556 556 278 278 278 278 611 611 611 611 611 611 611 584 611 611 611 611 611 556 611
556
"""
WIDTHS = [0] * 32 + [int(width) for width in _WIDTHS.split()]
WIDTHS_BOLD = [0] * 32 + [int(width) for width in _WIDTHS_BOLD.split()]
