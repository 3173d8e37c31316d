"""Well-known crystals that the library does not have: foreign phases for tests of identification.

Cells and coordinates are RECALLED from the papers named; they serve as specimens of known composition, and need not be
the best values.
"""

from reference_crystals import crystal

THIRD = 1 / 3

FOREIGN = {
    # Finger & Hazen, J. Appl. Phys. 49 (1978) 5823.
    "corundum": crystal(
        "corundum", "R -3 c:H", (4.7589, 4.7589, 12.9912, 90.0, 90.0, 120.0),
        ("Al1", "Al", (0.0, 0.0, 0.3522)), ("O1", "O", (0.3063, 0.0, 0.25)),
    ),
    # Newnham & de Haan, Z. Kristallogr. 117 (1962) 235.
    "Cr2O3": crystal(
        "Cr2O3", "R -3 c:H", (4.9607, 4.9607, 13.599, 90.0, 90.0, 120.0),
        ("Cr1", "Cr", (0.0, 0.0, 0.3475)), ("O1", "O", (0.3058, 0.0, 0.25)),
    ),
    # Wyckoff, Crystal Structures 1 (1963).
    "fluorite": crystal(
        "fluorite", "F m -3 m", (5.4631, 5.4631, 5.4631, 90.0, 90.0, 90.0),
        ("Ca1", "Ca", (0.0, 0.0, 0.0)), ("F1", "F", (0.25, 0.25, 0.25)),
    ),
    "silicon": crystal("silicon", "F d -3 m:2", (5.4311, 5.4311, 5.4311, 90.0, 90.0, 90.0),
                       ("Si1", "Si", (0.125, 0.125, 0.125))),
    # Kihara & Donnay, Can. Mineral. 23 (1985) 647.
    "ZnO": crystal(
        "ZnO", "P 63 m c", (3.2494, 3.2494, 5.2038, 90.0, 90.0, 120.0),
        ("Zn1", "Zn", (THIRD, 2 * THIRD, 0.0)), ("O1", "O", (THIRD, 2 * THIRD, 0.3821)),
    ),
    # Howard, Sabine & Dickson, Acta Cryst. B47 (1991) 462.
    "rutile": crystal(
        "rutile", "P 42/m n m", (4.5937, 4.5937, 2.9587, 90.0, 90.0, 90.0),
        ("Ti1", "Ti", (0.0, 0.0, 0.0)), ("O1", "O", (0.3048, 0.3048, 0.0)),
    ),
    "anatase": crystal(
        "anatase", "I 41/a m d:2", (3.7845, 3.7845, 9.5143, 90.0, 90.0, 90.0),
        ("Ti1", "Ti", (0.0, 0.75, 0.125)), ("O1", "O", (0.0, 0.25, 0.0831)),
    ),
    # Bolzan, Fong, Kennedy & Howard, Acta Cryst. B53 (1997) 373.
    "SnO2": crystal(
        "SnO2", "P 42/m n m", (4.7367, 4.7367, 3.1855, 90.0, 90.0, 90.0),
        ("Sn1", "Sn", (0.0, 0.0, 0.0)), ("O1", "O", (0.3066, 0.3066, 0.0)),
    ),
    # Asbrink & Norrby, Acta Cryst. B26 (1970) 8.
    "CuO": crystal(
        "CuO", "C 1 2/c 1", (4.6837, 3.4226, 5.1288, 90.0, 99.54, 90.0),
        ("Cu1", "Cu", (0.25, 0.25, 0.0)), ("O1", "O", (0.0, 0.4184, 0.25)),
    ),
    # Maslen, Streltsov & Streltsova, Acta Cryst. B49 (1993) 636.
    "calcite": crystal(
        "calcite", "R -3 c:H", (4.991, 4.991, 17.062, 90.0, 90.0, 120.0),
        ("Ca1", "Ca", (0.0, 0.0, 0.0)), ("C1", "C", (0.0, 0.0, 0.25)), ("O1", "O", (0.2567, 0.0, 0.25)),
    ),
    # Enjalbert & Galy, Acta Cryst. C42 (1986) 1467.
    "V2O5": crystal(
        "V2O5", "P m m n:2", (11.512, 3.564, 4.368, 90.0, 90.0, 90.0),
        ("V1", "V", (0.10118, 0.25, 0.8917)), ("O1", "O", (0.1043, 0.25, 0.531)),
        ("O2", "O", (0.9311, 0.25, 0.003)), ("O3", "O", (0.25, 0.25, 0.001)),
    ),
    # Smith & Newkirk, Acta Cryst. 18 (1965) 983.
    "baddeleyite": crystal(
        "baddeleyite", "P 1 21/c 1", (5.1454, 5.2075, 5.3107, 90.0, 99.23, 90.0),
        ("Zr1", "Zr", (0.2758, 0.0411, 0.2082)), ("O1", "O", (0.0703, 0.3359, 0.3406)),
        ("O2", "O", (0.4423, 0.7549, 0.4789)),
    ),
}  # fmt: skip
