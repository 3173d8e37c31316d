"""Notice: a coded message attached to an input or a result."""

from __future__ import annotations

import warnings as python_warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A named warning: `code` for programs ("formula_disagrees"), `message` for people."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class RenamedNotices:
    """The names that `warnings` of a result had in version 0.1, until version 0.3."""

    warnings: tuple[Notice, ...]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Deprecated: the attribute is called `warnings`."""
        return self._renamed("notices")

    @property
    def remarks(self) -> tuple[Notice, ...]:
        """Deprecated: the attribute is called `warnings`."""
        return self._renamed("remarks")

    def _renamed(self, name: str) -> tuple[Notice, ...]:
        message = f"{type(self).__name__}.{name} is deprecated and goes in version 0.3: use `.warnings`"
        python_warnings.warn(message, DeprecationWarning, stacklevel=3)
        return self.warnings
