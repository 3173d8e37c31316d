"""Beside a tunnel: from what is asked of layers next to the tunnel oxide to the finished cell."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.builders import build_crystal, phase_name
from layerox.elasticity import TUNNEL as TUNNEL_STIFFNESS
from layerox.errors import InputError
from layerox.interfaces.chain import ALONG_THE_CHAINS, along_the_chain
from layerox.interfaces.chain_report import chain_interface
from layerox.interfaces.closure_search import smallest_count
from layerox.interfaces.findings import TUNNEL
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.request import InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.stacking import Label, Word, labels_of_blocks, word_from_steps


def beside_tunnel(request: InterfaceRequest) -> Interface:
    """Return layers beside one b of the tunnel oxide: what follows the tunnel along c, round to what precedes it.

    Raises
    ------
    InputError
        If another phase than a layered one is named beside the tunnel, or the tunnel is to be thicker.
    """
    request.refuse("a cell with a tunnel oxide", "in_plane")
    tunnel, order = _order(request)
    parts = request.parts(order)
    counts = _counts(request, parts, tunnel, order)
    tensor = request.tensor(tunnel)
    unique = {part.label: part for part in parts}
    crystal = build_crystal(phase_name(request.names[tunnel]), formula=request.formula(tunnel))
    made = along_the_chain(
        _open_word(parts, counts, request.seed),
        unique,
        crystal,
        TUNNEL_STIFFNESS if tensor is None else tensor.rotated(ALONG_THE_CHAINS),
        boundary=request.boundary,
        hold=request.hold({tunnel: TUNNEL, **{k: part.label for k, part in zip(order, parts, strict=True)}}),
    )
    blocks = [(part.label, count) for part, count in zip(parts, counts, strict=True)]
    return chain_interface(made, blocks, unique, crystal, request.supercell)


def _order(request: InterfaceRequest) -> tuple[int, list[int]]:
    """Return the number of the tunnel oxide, and of the others from it upwards."""
    tunnel, *more = [k for k in request.numbers if request.is_a(k, TUNNEL)]
    if more:
        raise InputError("two tunnel oxides in one cell", place=request.place, cure="name one, such as P2/tunnel")
    order = [(tunnel + k) % len(request.names) for k in request.numbers if k]
    if any(request.is_a(k, "spinel") for k in order):
        raise InputError("no orientation of a spinel and a tunnel oxide in one cell is known", place=request.place,
                         cure="take layered phases beside the tunnel, such as P2/O3/tunnel")  # fmt: skip
    return tunnel, order


def _counts(request: InterfaceRequest, parts: Sequence[PhaseComponent], tunnel: int, order: Sequence[int]) -> list[int]:
    """Return the galleries of each layered phase."""
    if request.slabs is None:
        return [smallest_count(part.stacking) for part in parts]
    if request.slabs[tunnel] != 1:
        raise InputError(f"a tunnel oxide of {request.slabs[tunnel]} slabs", argument="slabs",
                         cure="give 1 for the tunnel: it is one b thick")  # fmt: skip
    return [request.slabs[k] for k in order]


def _open_word(parts: Sequence[PhaseComponent], counts: Sequence[int], seed: int) -> Word:
    """Return the open word of lamellae with so many galleries, labelled with their phases."""
    blocks = [(part.stacking, count) for part, count in zip(parts, counts, strict=True)]
    steps = [label.step for label in labels_of_blocks(blocks, seed=seed)]
    phases = [part.label for part, count in zip(parts, counts, strict=True) for _ in range(count)]
    labels = tuple(Label(phase, step) for phase, step in zip(phases, steps, strict=True))
    return Word(word_from_steps(steps, cyclic=False).slabs, cyclic=False, labels=labels)
