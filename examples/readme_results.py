"""Compute the results that README.md and the guide print, and compare them; `--write` puts the computed ones there.

Decimals may differ by two units of their last digit, as between processors; everything else must be the same.
"""

import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import layerox as lx
from layerox.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
INTERFACES = ROOT / "docs" / "guide" / "interfaces.md"
PATTERN = ROOT / "patterns" / "p2_o3.xye"
DECIMAL = re.compile(r"\d+\.\d+")


def fit_output() -> str:
    """Return what `layerox fit` prints before its warnings; the picture of README.md is drawn with `--write`."""
    with TemporaryDirectory() as folder, redirect_stdout(StringIO()) as printed:
        main(["fit", str(PATTERN), "--phase", "P2", "--phase", "O3", "-o", f"{folder}/out"])
        if "--write" in sys.argv:
            copyfile(f"{folder}/out/fit.png", ROOT / "examples" / "p2_o3_fit.png")
    return printed.getvalue().partition("\nwarning:")[0].rstrip()


def fraction_in_python() -> str:
    """Return the weight fraction of P2 from `lx.fit`."""
    return f"{lx.fit(PATTERN, ['P2', 'O3']).weight_fractions['P2']}"


def energy_of_an_interface() -> str:
    """Return misfit and coherency energy of P2/O3 with 4 and 6 slabs."""
    report = lx.interface(["P2", "O3"], slabs=[4, 6]).report
    return f"({100 * report['misfit']:.2f} %) at 4:6 has {report['coherency_energy']['MJ_per_m3']:.1f} MJ/m3"


def findings() -> str:
    """Return what `lx.check` finds in a structure that `lx.build` made."""
    return str(lx.check(lx.build("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.885, c=11.155)))


# In each file, the one group of each expression holds what the function returns.
RESULTS: dict[Path, dict[str, Callable[[], str]]] = {
    README: {
        r"-o fit-p2-o3\n```\n\n```text\n(.*?)\n```": fit_output,
        r'result\.weight_fractions\["P2"\]  # (\S+): a float': fraction_in_python,
        r"lx\.check\(p2\)  # (\[.*\]) or": findings,
    },
    INTERFACES: {r"P2/O3\s+(\(\S+ %\) at 4:6 has \S+ MJ/m3)": energy_of_an_interface},
}


def same(printed: str, computed: str) -> bool:
    """Whether two texts differ in nothing but two units of the last digit of a decimal."""
    if DECIMAL.sub("#", printed) != DECIMAL.sub("#", computed):
        return False
    pairs = zip(DECIMAL.findall(printed), DECIMAL.findall(computed), strict=True)
    return all(abs(float(one) - float(other)) <= 2.5 * 10.0 ** -len(one.partition(".")[2]) for one, other in pairs)


def differences(text: str, results: dict[str, Callable[[], str]]) -> list[tuple[re.Match[str], str]]:
    """Return the places of a text that print something else than the program, with what it computes."""
    found = []
    for expression, compute in results.items():
        (place,) = re.finditer(expression, text, re.DOTALL)
        computed = compute()
        if not same(place[1], computed):
            found.append((place, computed))
    return found


def run() -> int:
    """Compare or write, and return the exit status."""
    status = 0
    for path, results in RESULTS.items():
        text = path.read_text(encoding="utf-8")
        wrong = differences(text, results)
        for place, computed in wrong:
            print(f"{path.name} prints\n{place[1]}\nand the program\n{computed}\n")
        print(f"{len(results) - len(wrong)} of {len(results)} results of {path.name} are what the program prints")
        if "--write" in sys.argv:
            for place, computed in sorted(wrong, key=lambda pair: -pair[0].start(1)):
                text = text[: place.start(1)] + computed + text[place.end(1) :]
            path.write_text(text, encoding="utf-8")
        elif wrong:
            status = 1
    return status


if __name__ == "__main__":
    raise SystemExit(run())
