"""Catalogue: the library as one mapping, with the names by which its phases are found and its tables as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from layerox.builders.library.cathodes import CATHODES, Cathode
from layerox.builders.library.distorted import DISTORTED
from layerox.builders.library.hardware_and_impurities import COMPANIONS
from layerox.builders.library.layered import LAYERED
from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.library.spinels_and_tunnels import FRAMEWORKS
from layerox.builders.library.standards import STANDARDS
from layerox.crystal.asymmetric_unit import Crystal, cell_text
from layerox.errors import InputError, nearest

# The cure for a name that is similar to none of the library.
LISTED = "`layerox phases` lists what there is"

# The entry meant by a phase name alone.
DEFAULTS: Mapping[str, str] = {
    "P2": "P2_NNM",
    "P'2": "Pp2_NMO",
    "P3": "P3_NNM_R3m",
    "P'3": "Pp3_NaCoO2",
    "O3": "O3_NNM",
    "O'3": "Op3_NaNiO2",
    "O2": "O2_NNM",
    "O1": "O1_CoO2",
    "OP2": "OP2_glide",
    "OP4": "OP4_glide",
    "OP4r": "OP4_P63mmc",
    "spinel": "S_LiMn2O4",
    "tunnel": "T_Na044MnO2",
}


class Library(Mapping[str, LibraryEntry]):
    """Entries by name; `library["P2"]` is the default entry of that phase, `library.cathodes` the published mixtures.

    Printing it lists its entries.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.library["P2"].name, lx.library["P2"].provenance
    ('P2_NNM', 'cell RECALLED; z(O), occupancies and B CONSTRUCTED')
    """

    def __init__(self, entries: tuple[LibraryEntry, ...], cathodes: tuple[Cathode, ...], defaults: Mapping[str, str]):
        models = (entry for cathode in cathodes for entry in cathode.all_entries)
        self._entries = {entry.name: entry for entry in (*entries, *models)}
        self._reference = tuple(entry.name for entry in entries)
        self.cathodes = {cathode.name: cathode for cathode in cathodes}
        self.defaults = defaults

    def __getitem__(self, name: str) -> LibraryEntry:
        return self._entries[self.defaults.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self.defaults

    def __repr__(self) -> str:
        return self.listing()

    @property
    def names(self) -> list[str]:
        """Every name that `entry` understands: entries, phases with a default, and cathodes."""
        return [*self._entries, *self.defaults, *self.cathodes]

    def entry(self, name: str) -> LibraryEntry:
        """Return the entry of that name, or the default entry of a phase.

        Raises
        ------
        InputError
            If there is none; a cathode, which is several phases, is not an entry either.
        """
        if name in self:
            return self[name]
        if name in self.cathodes:
            parts = ", ".join(entry.name for entry in self.cathodes[name].all_entries)
            raise InputError(f"{name} is a mixture", cure=f"take one of its phases: {parts}; or build them with --all")
        raise InputError(f"the library has no {name!r}", cure=self.suggestion(name))

    def suggestion(self, name: str, others: Iterable[str] = ()) -> str:
        """Return the cure for an unknown name: the most similar one, or where to list them."""
        if name.lower().endswith(".cif"):
            return f"a phase that is built is a name or a stacking word, not a file; {LISTED}"
        close = nearest(name, [*others, *self.names])
        return close if close.startswith("did you mean") else LISTED

    def listing(self) -> str:
        """Return what the library holds, a line each."""
        rows = [_row(self._entries[name]) for name in self._reference]
        mixtures = [(c.name, "/".join(c.phases), c.formula, c.fractions) for c in self.cathodes.values()]
        meanings = ", ".join(f"{phase} {name}" for phase, name in self.defaults.items())
        return "\n".join(
            [
                *_columns(("name", "phase", "space group", "formula", "provenance"), rows),
                "",
                "Published cathodes (models of their phases are CONSTRUCTED, see layerox phases NAME):",
                *_columns(("name", "phases", "formula", "fractions"), mixtures),
                "",
                f"A phase name alone means: {meanings}",
                "RECALLED values were cited from memory: verify them before they are quoted.",
            ]
        )

    def about(self, name: str) -> str:
        """Return everything that is known of an entry, a phase or a cathode.

        Raises
        ------
        InputError
            If the library has no such name.
        """
        if name in self.cathodes:
            return _cathode_text(self.cathodes[name])
        return _entry_text(self.entry(name))

    def document(self, name: str | None = None) -> dict[str, object]:
        """Return an entry, a phase or a cathode, or the whole library, as plain data for JSON.

        Raises
        ------
        InputError
            If the library has no such name.
        """
        if name is None:
            return {
                "entries": [_entry_document(self._entries[own]) for own in self._reference],
                "cathodes": [_cathode_document(cathode) for cathode in self.cathodes.values()],
                "defaults": dict(self.defaults),
            }
        return _cathode_document(self.cathodes[name]) if name in self.cathodes else _entry_document(self.entry(name))


def _entry_document(entry: LibraryEntry) -> dict[str, object]:
    crystal = entry.crystal()
    return {
        "name": entry.name,
        "phase": entry.phase,
        "title": entry.title,
        "provenance": entry.provenance,
        "reference": entry.reference,
        "space_group": crystal.space_group,
        "cell": list(crystal.cell),
        "formula": crystal.formula,
        "formula_units": crystal.formula_units,
        "density_g_cm3": crystal.density,
        "warnings": [{"code": notice.code, "message": notice.message} for notice in crystal.warnings],
        "sites": [
            {"label": s.label, "species": s.species, "position": list(s.position), "occupancy": s.occupancy,
             "u_iso": s.u_iso}
            for s in crystal.sites
        ],
    }  # fmt: skip


def _cathode_document(cathode: Cathode) -> dict[str, object]:
    return {
        "name": cathode.name,
        "formula": cathode.formula,
        "phases": list(cathode.phases),
        "provenance": cathode.provenance,
        "fractions": cathode.fractions,
        "window_v": cathode.window,
        "path": cathode.path,
        "notes": cathode.notes,
        "entries": [entry.name for entry in cathode.all_entries],
    }


def _row(entry: LibraryEntry) -> tuple[str, ...]:
    crystal = entry.crystal()
    return entry.name, entry.phase, crystal.space_group, crystal.formula, entry.provenance


def _entry_text(entry: LibraryEntry) -> str:
    crystal = entry.crystal()
    sites = [
        (s.label, s.species, *(f"{x:.6f}" for x in s.position), f"{s.occupancy:.4f}", f"{s.u_iso:.5f}")
        for s in crystal.sites
    ]
    return "\n".join(
        [
            f"{entry.name}: {entry.title}",
            f"phase        {entry.phase}",
            f"provenance   {entry.provenance}",
            f"reference    {entry.reference}",
            f"space group  {crystal.space_group}",
            f"cell         {cell_text(crystal.cell)}",
            f"content      {crystal.formula}, Z = {crystal.formula_units}, {crystal.density:.3f} g/cm3",
            *(f"note         {notice.message}" for notice in crystal.warnings),
            *_columns(("site", "species", "x", "y", "z", "occupancy", "U_iso"), sites),
        ]
    )


def _cathode_text(cathode: Cathode) -> str:
    notes = [f"note         {cathode.notes}"] if cathode.notes else []
    return "\n".join(
        [
            f"{cathode.name}: {cathode.formula}",
            f"provenance   {cathode.provenance}",
            f"fractions    {cathode.fractions}",
            f"window       {cathode.window} V",
            f"path         {cathode.path}",
            *notes,
            *_columns(("name", "phase", "space group", "formula"), [_row(e)[:4] for e in cathode.all_entries]),
        ]
    )


def _columns(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in (heads, *rows)) for k in range(len(heads))]
    rules = tuple("-" * width for width in widths)
    return ["  ".join(f"{x:{w}}" for x, w in zip(row, widths, strict=True)).rstrip() for row in (heads, rules, *rows)]


LIBRARY = Library((*LAYERED, *DISTORTED, *FRAMEWORKS, *COMPANIONS, *STANDARDS), CATHODES, DEFAULTS)


def library_phase(name: str) -> Crystal:
    """Return a phase by the name of its entry ("O3_NNM") or of its phase ("O3": the default entry).

    Raises
    ------
    InputError
        If the library has no such entry.
    """
    return library_entry(name).crystal(name)


def library_entry(name: str) -> LibraryEntry:
    """Return the entry of that name, or the default entry of a phase."""
    return LIBRARY.entry(name)
