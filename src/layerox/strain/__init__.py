"""Strain: what the lattice did, when, and what the interface did to it; called, `lx.strain(series)`, it says so.

The package and its main function share a name: the module is made callable, so that both can be had from `layerox`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerox.strain.evolution import StrainEvolution


class _Strain(ModuleType):
    """The package, callable."""

    def __call__(self, subject: Any, **options: Any) -> StrainEvolution:
        """Return the strains of a series, of fits or of structures: see `layerox.strain.evolution.strain_evolution`."""
        from layerox.strain.evolution import strain_evolution  # noqa: PLC0415  (a call needs it, an import does not)

        return strain_evolution(subject, **options)


sys.modules[__name__].__class__ = _Strain
# The name under which `layerox` hands the package out.
strain = sys.modules[__name__]
