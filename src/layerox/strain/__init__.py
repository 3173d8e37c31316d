"""Strains, phase transitions and coherency of a series; the package is callable: `lx.strain(series)`.

The package and its main function have the same name, so the module object is made callable.
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
    from layerox.strain.coherency import SinglePhase
    from layerox.strain.measured_cells import Subject
    from layerox.strain.reference_cells import ReferenceArgument
    from layerox.strain.strain_evolution import StrainEvolution


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
        """Return the strains of a series, of fits or of structures; see `strain_evolution`."""
        from layerox.strain.strain_evolution import strain_evolution  # noqa: PLC0415  (a call needs it, an import does not)

        return strain_evolution(subject, reference=reference, elastic=elastic, single_phase=single_phase)


sys.modules[__name__].__class__ = _Strain
# The name that `layerox` exports.
strain = sys.modules[__name__]
