#!/usr/bin/env bash
# Makes the patterns of this folder anew (needs the command layerox): bash patterns/make.sh [FOLDER]
set -eu
folder=$(realpath "${1:-$(dirname "$0")}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >diffractometer.toml <<'TOML'
[radiation]
source = "CuKa"
monochromator_two_theta = 26.6
[geometry]
kind = "bragg-brentano"
radius_mm = 217.5
[profile]
u = 0.0021
v = -0.0024
w = 0.0038
[position]
displacement_mm = 0.06
TOML

# A P2/O3 cathode: cells that differ a little from those of the library, so that a fit has something to find.
layerox build P2 --a 2.8894 --c 11.1268 -o P2.cif >log
layerox build O3 --a 2.9672 --c 15.9547 -o O3.cif >log
layerox simulate P2.cif O3.cif --weights 0.62 0.38 --size 95 60 --microstrain 0.0009 0.0021 \
  --instrument diffractometer.toml --background 210 -95 48 -17 6 --counts 11000 --seed 20261121 \
  -o "$folder/p2_o3.xye" --overwrite

# Two short series: a P2 cathode charged and discharged on aluminium foil, and a P3 cathode with a spinel heated.
layerox simulate-series p2-cycle --frames 41 --bad 0.05 --seed 7 --two-theta 12 82 0.05 --counts 20000 --suffix .xy \
  -o "$folder/p2_operando" --overwrite >log
layerox simulate-series p3-p2-spinel --frames 33 --bad 0.03 --seed 16 --two-theta 12 82 0.05 --counts 20000 --suffix .xy \
  -o "$folder/p3_heating" --overwrite >log
