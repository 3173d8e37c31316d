"""Library: named phases, each with its provenance in words, built by the same builders as everything else.

LOOKED-UP was read in a public source when the table was made; RECALLED is cited from memory and was not read at the
source, so that it must be verified before it is quoted; CONSTRUCTED follows from geometry.
"""

from layerox.builders.library.catalogue import DEFAULTS, LIBRARY, Library, library_entry, library_phase
from layerox.builders.library.cathodes import CATHODES, Cathode
from layerox.builders.library.library_entry import LibraryEntry

__all__ = ["CATHODES", "DEFAULTS", "LIBRARY", "Cathode", "Library", "LibraryEntry", "library_entry", "library_phase"]
