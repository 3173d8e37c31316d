"""Interface: two or three phases made into one coherent cell, and everything that is to be known of it.

The steps are those of the other modules of this folder: phases taken apart, a word that closes, a lattice that they
share, planes laid, and the result looked at again from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from layerox.computing.threads import single_threaded
from layerox.elasticity import Stiffness
from layerox.errors import InputError
from layerox.interfaces.beside_tunnel import beside_tunnel
from layerox.interfaces.cell_report import coherent_interface
from layerox.interfaces.closure_search import closing_blocks
from layerox.interfaces.intergrowth import intergrown, relabelled
from layerox.interfaces.matching import match
from layerox.interfaces.particle import ASPECT
from layerox.interfaces.particle import core_shell as core_shell_particle
from layerox.interfaces.particle_report import particle_interface
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.request import DEFAULT_BOUNDARY, DEFAULT_FACES, DEFAULT_REGISTRY, ONE_CELL, InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.interfaces.semicoherent_report import semicoherent_interface
from layerox.public import public
from layerox.stacking import Block, word_from_blocks


@public
@single_threaded
def interface(
    phases: str | Sequence[str],
    *,
    slabs: Sequence[int] | None = None,
    formulas: Sequence[str] | None = None,
    strain: str = "stiffness",
    boundary: str | float = DEFAULT_BOUNDARY,
    faces: str = DEFAULT_FACES,
    registry: int = DEFAULT_REGISTRY,
    elastic: Mapping[str, Stiffness] | None = None,
    supercell: Iterable[int] = ONE_CELL,
    in_plane: Sequence[int] | str | None = None,
    core_shell: Sequence[float] | None = None,
    aspect: float = ASPECT,
    seed: int = 0,
) -> Interface:
    """Return two or more phases in one coherent cell, stacked along c.

    Parameters
    ----------
    phases
        "P2/O3", or names one by one: polytypes, a Z, or entries of the library.
    slabs
        Galleries of each phase; the smallest set that closes, with two at least, when not given.
    formulas
        Composition of each phase; those of the library when not given.
    strain
        "stiffness" shares the misfit out by stiffness and thickness; a letter (A, B ...) or a phase holds that one.
    boundary
        Filling of the galleries next to a shared slab: "lower" of the two phases, "own", or ions per metal.
    faces
        The slab with which a layered phase faces a spinel: "full" leaves the spinel's tetrahedra on it empty, "kagome"
        takes a quarter of its metals out and fills them.
    registry
        Which of the four places of the 2 x 2 cell a spinel takes, 0 to 3.
    elastic
        Stiffness tensors by phase, on each crystal's own axes (see `elasticity.stiffness`).
    supercell
        Cells along a, b and c.
    in_plane
        Meshes of each phase along a and b of one larger cell, such as (40, 39): neighbours whose numbers differ share
        no slab, and take up in the gallery between them what a coherent cell would strain. "auto": n on n + 1 of the
        two phases that differ most.
    core_shell
        For a particle: radius of the core (the first phase), then the thickness of each shell outwards, nm.
    aspect
        Half height of the particle's core over its radius.
    seed
        For a Z, and for which metal stands where in a particle.

    Raises
    ------
    InputError
        If a phase is unknown, the numbers do not close, or a gallery cannot hold what it should.
    """
    names = phases.split("/") if isinstance(phases, str) else phases
    request = InterfaceRequest(
        names=tuple(name.strip() for name in names), slabs=slabs, formulas=formulas, strain=strain, boundary=boundary,
        faces=faces, registry=registry, elastic=elastic or {}, supercell=tuple(supercell), in_plane=in_plane,
        core_shell=core_shell, aspect=aspect, seed=seed,
    )  # fmt: skip
    if not any(request.is_a(k, "spinel") for k in request.numbers):
        request.refuse("an interface without a spinel", "faces", "registry")
    if core_shell is not None:
        return _particle(request, core_shell)
    if any(request.is_a(k, "tunnel") for k in request.numbers):
        return beside_tunnel(request)
    return _coherent(request) if in_plane is None else semicoherent_interface(request)


def _coherent(request: InterfaceRequest) -> Interface:
    """Return phases on one mesh, stacked along c in a cell that closes."""
    parts = request.parts(request.numbers)
    if any(parts[k - 1].spinel and parts[k].spinel for k in request.numbers):
        raise InputError("two spinels side by side, or round the cell's edge, share no TMO2 slab", place=request.place,
                         cure="put a layered phase between them, or name one spinel once")  # fmt: skip
    stacked = closing_blocks([part.stacking for part in parts], request.slabs, seed=request.seed)
    blocks = [(part.label, count) for part, (_, count) in zip(parts, stacked, strict=True)]
    laid = relabelled(word_from_blocks(stacked, seed=request.seed), blocks)
    thick = _thicknesses(parts, blocks)
    unique = {part.label: part for part in parts}
    hold = request.hold(dict(enumerate(part.label for part in parts)))
    found = match([part.lamina(thick[label]) for label, part in unique.items()], hold=hold)
    strained = {
        label: part.strained(found.strained[label], rectangular=found.long is not None)
        for label, part in unique.items()
    }
    grown = intergrown(laid, strained, boundary=request.boundary, faces=request.faces, name=request.place)
    return coherent_interface(
        grown, blocks, parts, found, faces=request.faces, registry=request.registry, supercell=request.supercell
    )


def _thicknesses(parts: Sequence[PhaseComponent], blocks: Sequence[Block]) -> dict[str, float]:
    """Return the thickness of all lamellae of each phase, free of strain, angstrom."""
    thick: dict[str, float] = {}
    for part, (label, count) in zip(parts, blocks, strict=True):
        thick[label] = thick.get(label, 0.0) + count * part.repeat
    return thick


def _particle(request: InterfaceRequest, sizes: Sequence[float]) -> Interface:
    """Return a core with its shells."""
    if any(request.is_a(k, "tunnel") for k in request.numbers):
        raise InputError("a tunnel oxide fits layers along its chains only: no columns run through core and shell",
                         place=request.place, cure="take layered phases, or leave core_shell out")  # fmt: skip
    request.refuse("a particle", "slabs", "boundary", "faces", "registry", "supercell", "in_plane")
    parts = request.parts(request.numbers)
    hold = request.hold(dict(enumerate(part.label for part in parts)))
    made = core_shell_particle(parts, sizes, aspect=request.aspect, hold=hold, seed=request.seed)
    return particle_interface(made, parts)
