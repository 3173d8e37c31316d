"""Strain: what the lattice did, when, and what the interface did to it; called, `lx.strain(series)`, it says so.

The package and its main function share a name: the module is made callable, so that both can be had from `layerox`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from layerox.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from layerox.elasticity import Stiffness
    from layerox.strain.cells import Subject
    from layerox.strain.coherency import SinglePhase
    from layerox.strain.evolution import StrainEvolution
    from layerox.strain.reference import ReferenceArgument


class _Strain(ModuleType):
    """The package, callable."""

    @public
    def __call__(
        self,
        subject: Subject,
        *,
        reference: ReferenceArgument = None,
        elastic: str | Path | Mapping[str, Stiffness] | None = None,
        single_phase: Mapping[str, SinglePhase] | None = None,
    ) -> StrainEvolution:
        """Return the strains of a series, of fits or of structures: see `layerox.strain.evolution.strain_evolution`."""
        from layerox.strain.evolution import strain_evolution  # noqa: PLC0415  (a call needs it, an import does not)

        return strain_evolution(subject, reference=reference, elastic=elastic, single_phase=single_phase)


sys.modules[__name__].__class__ = _Strain
# The name under which `layerox` hands the package out.
strain = sys.modules[__name__]
