"""The validator. The three negative cells are those of the project's notes on interfaces, made by the public builders
named there; good cells are those of our own builders and of the reference CIFs."""

import itertools
import warnings
from dataclasses import replace

import ase.build
import numpy as np
import pytest
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

import layerox as lx
from layerox.builders import build_atoms, build_crystal, build_structure
from layerox.crystal.atoms import atoms_from_crystal
from layerox.errors import InputError
from layerox.io.structure_writing import write_structure
from layerox.stacking import parse_word
from layerox.validation import CODES, Finding, check

ROOT_THREE = ((2, 1, 0), (-1, 1, 0), (0, 0, 1))
PHASES = ["P2", "P3", "O3", "O2", "O1", "O6", "OP2", "OP4", "OP4r", "Z:0.3", "P2*4|O3*3", "P2*2|P3*3"]
FORMULAS = [
    None, "Na0.67Ni0.33Mn0.67O2", "NaNi0.5Mn0.5O2", "Na0.6MnO1.94F0.06", "Na2/3Li0.2Mn0.8O2", "Na0.7Mg0.3Mn0.7O2",
    "K0.5MnO2", "Na0.9Ni0.3Mn0.6O1.9S0.1",
]  # fmt: skip


def codes(structure, **claims):
    return {finding.code for finding in check(structure, **claims)}


def of(structure, code, **claims):
    found = [finding for finding in check(structure, **claims) if finding.code == code]
    assert found, [str(finding) for finding in check(structure, **claims)]
    return found[0]


@pytest.mark.parametrize(("phase", "formula"), list(itertools.product(PHASES, FORMULAS)))
def test_good_cells_have_no_findings(phase, formula):
    assert check(build_crystal(phase, formula=formula)) == []


@pytest.mark.parametrize("phase", ["P2", "P3", "O3", "OP4", "P2*4|O3*3"])
def test_good_ordered_cells_have_no_findings(phase):
    atoms = build_atoms(phase, ordered=True, supercell=(5, 6, 1), seed=2)
    assert check(atoms, phase=phase) == []
    assert check(atoms.to_structure(), phase=phase) == []


def test_reference_cifs_have_no_findings(reference_data):
    """24 cells: layered, distorted, spinels (tetrahedral 8a, octahedral 16d) and the tunnel (MnO6 and MnO5)."""
    files = sorted((reference_data.parent / "phases" / "cifs").glob("*.cif"))
    assert len(files) == 24
    for file in files:
        assert check(file) == [], file.stem


# --- the negative cells of the notes -------------------------------------------------------------------------------


def test_a_naive_stack_of_ase_has_prismatic_metals():
    p2 = build_structure("P2", formula="NaMnO2", sodium={"edge": 1.0})
    o3 = build_structure("O3", formula="NaNiO2")
    to_ase = AseAtomsAdaptor.get_atoms
    stacked = ase.build.stack(to_ase(p2), to_ase(o3), axis=2, maxstrain=None)
    finding = of(stacked, "prismatic_metal")
    # Both boundary metal planes, the first and the last of one phase or the other.
    assert len(finding.atoms) == 2
    assert {stacked[k].symbol for k in finding.atoms} <= {"Mn", "Ni"}
    # As the notes have it: every coordination number is six.
    assert "metal_coordination" not in codes(stacked)


def test_pymatgens_interfaces_are_no_intergrowths():
    from pymatgen.analysis.interfaces.coherent_interfaces import CoherentInterfaceBuilder
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator

    p2 = build_structure("P2", formula="NaMnO2", a=2.885, c=11.155, sodium={"edge": 1.0})
    o3 = build_structure("O3", formula="NaNiO2", a=2.96, c=15.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder = CoherentInterfaceBuilder(
            substrate_structure=p2, film_structure=o3, film_miller=(0, 0, 1), substrate_miller=(0, 0, 1),
            zslgen=ZSLGenerator(max_area=30),
        )  # fmt: skip
        made = [
            next(
                iter(builder.get_interfaces(t, gap=2.0, vacuum_over_film=0.0, film_thickness=1, substrate_thickness=1))
            )
            for t in builder.terminations
        ]
    assert len(made) == 4
    found = [codes(interface) for interface in made]
    # Slabs cut in half: metals 2.00 A apart. Gallery missing with a double sodium plane at the other end.
    assert any({"short_contact", "metal_coordination"} <= one for one in found)
    assert any({"missing_gallery", "impossible_site_pair"} <= one for one in found)
    assert all(one & {"missing_gallery", "double_plane", "prismatic_metal"} for one in found)


def test_random_sodium_is_on_sites_that_exclude_each_other():
    """What pymatgen makes of partial sodium when it draws at random: any of the sites, whatever stands beside it."""
    cell = build_structure("P2", formula="Na2/3MnO2", a=2.89, supercell=(6, 6, 1))
    draw = np.random.default_rng(1)
    keep = [
        k
        for k, site in enumerate(cell)
        if site.species.elements[0].symbol != "Na" or draw.random() < site.species.num_atoms
    ]
    ordered = Structure(cell.lattice, [cell[k].species.elements[0] for k in keep], [cell[k].frac_coords for k in keep])
    finding = of(ordered, "impossible_site_pair")
    assert "1.67 A" in finding.message
    assert {ordered[k].specie.symbol for k in finding.atoms} == {"Na"}
    for k in finding.atoms:
        assert sorted(n.nn_distance for n in ordered.get_neighbors(ordered[k], 2.0))


# --- one defect at a time ------------------------------------------------------------------------------------------


def test_metal_moved_into_a_prism():
    """A slab whose upper anion plane is put above its lower one."""
    cell = build_structure("O3", formula="NaCoO2")
    z = cell.frac_coords[:, 2]
    metal = next(k for k, site in enumerate(cell) if site.specie.symbol == "Co")
    rise = (z - z[metal] + 0.5) % 1 - 0.5
    anions = [k for k, site in enumerate(cell) if site.specie.symbol == "O" and abs(rise[k]) < 0.1]
    lower, upper = sorted(anions, key=lambda k: rise[k])
    coordinates = cell.frac_coords.copy()
    coordinates[upper, :2] = coordinates[lower, :2]
    broken = Structure(cell.lattice, cell.species, coordinates)
    assert metal in of(broken, "prismatic_metal").atoms


def test_a_gallery_between_two_kinds():
    """Everything above one gallery moved by half of a glide, (1/6, 1/3): neither prismatic nor octahedral."""
    cell = build_structure("O1", formula="CoO2", supercell=(1, 1, 2))
    coordinates = cell.frac_coords.copy()
    coordinates[(coordinates[:, 2] > 0.25) & (coordinates[:, 2] < 0.75)] += [1 / 6, 1 / 3, 0]
    broken = Structure(cell.lattice, cell.species, coordinates)
    assert "wrong_gallery" in codes(broken)
    assert "wrong_gallery" not in codes(cell)


def test_slabs_pushed_together():
    crystal = build_crystal("O3", formula="CoO2")
    slab_and_gap = build_crystal("O3", formula="CoO2", slab=2.0, galleries={"O": 1.9})
    assert "missing_gallery" not in codes(crystal)
    assert "missing_gallery" in codes(slab_and_gap)


def test_an_anion_plane_too_many():
    cell = build_structure("P2", formula="MnO2", a=2.88, c=14.0)
    cell.append("O", [2 / 3, 1 / 3, 0.25])
    assert of(cell, "double_plane").atoms == (len(cell) - 1,)


def test_a_double_plane_of_sodium():
    cell = build_structure("O3", formula="NaCoO2", a=2.85, c=3 * 7.2)
    assert check(cell) == []
    sodium = next(k for k, site in enumerate(cell) if site.specie.symbol == "Na")
    middle = cell[sodium].frac_coords
    cell.remove_sites([sodium])
    for rise in (-0.05, 0.05):  # 2.16 A apart
        cell.append("Na", middle + np.array([0, 0, rise]))
    finding = of(cell, "double_plane")
    assert finding.atoms == (len(cell) - 2, len(cell) - 1)


def test_partial_sites_may_be_close_but_full_ones_not():
    crystal = build_crystal("P2", formula="Na2/3MnO2", sodium={"face": 1 / 3})
    assert codes(crystal) == set()
    full = replace(crystal, sites=tuple(replace(s, occupancy=0.8) if s.element == "Na" else s for s in crystal.sites))
    assert "impossible_site_pair" in codes(full)


def test_short_bonds_and_lost_neighbours():
    cell = build_structure("O3", formula="NaCoO2", ordered=True, supercell=(2, 2, 1))
    oxygen = next(k for k, site in enumerate(cell) if site.specie.symbol == "O")
    neighbour = min(cell.get_neighbors(cell[oxygen], 2.2), key=lambda n: n.nn_distance)
    moved = cell.frac_coords.copy()
    moved[oxygen] += 0.35 * (neighbour.frac_coords - moved[oxygen])
    finding = of(Structure(cell.lattice, cell.species, moved), "short_contact")
    assert oxygen in finding.atoms
    stripped = cell.copy()
    metal = next(k for k, site in enumerate(stripped) if site.specie.symbol == "Co")
    bonded = sorted(n.index for n in stripped.get_neighbors(stripped[metal], 2.2))
    stripped.remove_sites(bonded[:3])
    assert metal in of(stripped, "metal_coordination").atoms


def test_charge_and_composition():
    # NaZnO2 would need 4 - 1 = 3 charges on zinc.
    assert codes(build_structure("O3", formula="NaZnO2")) == {"charge_off"}
    assert "3.00" in of(build_structure("O3", formula="NaZnO2"), "charge_off").message
    stated = build_structure("O3", formula="NaCoO2")
    stated.add_oxidation_state_by_element({"Na": 1, "Co": 4, "O": -2})
    assert "+3" in of(stated, "charge_off").message
    stated.add_oxidation_state_by_element({"Na": 1, "Co": 3, "O": -2})
    assert check(stated) == []
    p2 = build_structure("P2", formula="Na2/3MnO2")
    assert codes(p2, formula="Na0.667MnO2") == set()
    assert "Na" in of(p2, "composition_off", formula="Na0.5MnO2").message
    crowded = atoms_from_crystal(build_crystal("P2", formula="NaMnO2"))
    crowded = replace(crowded, kinds=tuple(replace(k, occupancy=2 * k.occupancy) for k in crowded.kinds))
    assert "composition_off" in codes(crowded)


def test_claims_of_phase_and_space_group():
    o2 = build_structure("O2", formula="Na0.5CoO2")
    assert "stack as O2" in of(o2, "wrong_gallery", phase="P2").message
    assert codes(o2, phase="O2") == set()
    assert codes(build_structure("P2"), space_group="P 63/m m c") == set()
    ordered = build_structure("P2", ordered=True)
    assert "P 63/m m c" in of(ordered, "symmetry_lower", space_group="P 63/m m c").message
    assert codes(build_structure("P2"), space_group="P 63 m c") == set()  # it has more than is claimed
    assert "not_closed" in codes(o2, phase="P2*3|O3*4")


def test_words_are_checked_for_closure():
    assert check("P2*4|O3*3") == []
    finding = of("P2*3|O3*4", "not_closed")  # closes by letters, not by senses
    assert "senses" in finding.message
    assert finding.atoms == ()
    assert codes(parse_word("P2*5|O3*4")) == {"not_closed"}


def test_labels_that_the_atoms_do_not_keep():
    atoms = build_atoms("P2*4|O3*3", formula="Na0.8MnO2")
    swapped = np.array([{"P2": "O3", "O3": "P2"}.get(phase, phase) for phase in atoms.phase.tolist()])
    assert codes(atoms) == set()
    assert "not_closed" in codes(replace(atoms, phase=swapped))


def test_objects_of_all_kinds(tmp_path):
    crystal = build_crystal("P2", formula="NaMnO2", sodium={"edge": 1.0})
    write_structure(crystal, tmp_path / "p2.cif")
    write_structure(crystal, tmp_path / "p2.vasp")
    write_structure(crystal, tmp_path / "p2.json")
    structure = build_structure("P2", formula="NaMnO2", sodium={"edge": 1.0})
    kinds = [crystal, structure, AseAtomsAdaptor.get_atoms(structure), atoms_from_crystal(crystal)]
    kinds += [tmp_path / "p2.cif", str(tmp_path / "p2.cif"), tmp_path / "p2.vasp", tmp_path / "p2.json"]
    assert [check(kind, phase="P2") for kind in kinds] == [[]] * len(kinds)
    assert [lx.identify_structure(kind).name for kind in kinds] == ["P2"] * len(kinds)


def test_findings_speak():
    finding = Finding("short_contact", "O 1 and O 2 are too close", (1, 2))
    assert str(finding) == "short_contact: O 1 and O 2 are too close"
    assert finding.code in CODES


@pytest.mark.parametrize(
    ("structure", "message"),
    [(3, "is no structure"), ("absent.cif", "no such file"), (ase.Atoms("NaCl"), "no cell")],
)
def test_what_is_no_structure_is_refused(structure, message):
    with pytest.raises(InputError, match=message):
        check(structure)


def test_broken_files_are_refused(tmp_path):
    (tmp_path / "bad.vasp").write_text("not a POSCAR\n")
    (tmp_path / "notes.txt").write_text("hello\n")
    for name in ("bad.vasp", "notes.txt"):
        with pytest.raises(InputError, match=name):
            check(tmp_path / name)
    with pytest.raises(InputError, match="formula"):
        check(build_crystal("P2"), formula="no formula")
