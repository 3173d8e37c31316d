"""Interface: the public function that makes two or more phases into one cell, coherent, semi-coherent or a particle.

It checks the request and calls the builder for that kind of cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from layerox.computing.threads import single_threaded
from layerox.elasticity import Stiffness
from layerox.interfaces.coherent_cell import coherent_interface
from layerox.interfaces.particle import ASPECT, particle_interface
from layerox.interfaces.request import DEFAULT_BOUNDARY, DEFAULT_FACES, DEFAULT_REGISTRY, ONE_CELL, InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.interfaces.semicoherent_interface import semicoherent_interface
from layerox.interfaces.tunnel_interface import tunnel_interface
from layerox.public import public


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
        "stiffness" distributes the misfit by stiffness and thickness; a letter (A, B ...) or a phase leaves that one
        free of strain.
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
        Of the random stacking of a Z, and of the random placing of ions in a particle.

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
        return particle_interface(request, core_shell)
    if any(request.is_a(k, "tunnel") for k in request.numbers):
        return tunnel_interface(request)
    return coherent_interface(request) if in_plane is None else semicoherent_interface(request)
