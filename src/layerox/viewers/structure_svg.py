"""A static picture of a structure, as SVG: what stands where no script runs, and in print."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np

from layerox.typing import FloatArray
from layerox.viewers.structure_scene import StructureScene

WIDTH, HEIGHT, MARGIN, KEY_ROW = 640.0, 460.0, 24.0, 18.0
LIGHT = np.array([0.35, 0.45, 0.82])
OPACITY = 0.62
MOST_KEYS = 12

Item = tuple[float, str]
Seen = Callable[[FloatArray], FloatArray]


def scene_svg(scene: StructureScene) -> str:
    """Return a scene in parallel projection from its direction of view, drawn from back to front, with a key."""
    axes = _axes(scene.eye, scene.up)
    low, high = scene.limits
    centre = 0.5 * (low + high)
    box = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T - centre
    reach = np.abs(box @ axes.T).max(axis=0) + 0.6
    scale = min((WIDTH / 2 - MARGIN) / reach[0], (HEIGHT / 2 - MARGIN) / reach[1])
    place = np.array([WIDTH / 2, HEIGHT / 2])

    def seen(points: FloatArray) -> FloatArray:
        turned = (points - centre) @ axes.T
        return np.column_stack((turned[:, :2] * (scale, -scale) + place, turned[:, 2]))

    items = [*_edges(scene, seen), *_faces(scene, seen, axes), *_balls(scene, seen, scale)]
    drawn = "".join(text for _, text in sorted(items, key=lambda item: item[0]))
    keys = _keys(scene)
    height = HEIGHT + KEY_ROW * ((len(keys) + 1) // 2)
    rows = "".join(_key(k, *key) for k, key in enumerate(keys))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" width="{WIDTH:g}" '
        f'style="max-width:100%;height:auto" role="img" font-family="sans-serif" font-size="12">'
        f"<title>{escape(scene.title)}</title>{drawn}{rows}</svg>"
    )


def _axes(eye: FloatArray, up: FloatArray) -> FloatArray:
    """Return the horizontal, the vertical and the direction towards the viewer as rows."""
    z = eye / np.linalg.norm(eye)
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


def _edges(scene: StructureScene, seen: Seen) -> list[Item]:
    found = []
    for start, end in scene.edges:
        (x, y, z), (u, v, w) = seen(np.array([start, end]))
        line = f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" stroke="#555" stroke-width="1"/>'
        found.append((0.5 * (z + w), line))
    return found


def _faces(scene: StructureScene, seen: Seen, axes: FloatArray) -> list[Item]:
    if not scene.owners:
        return []
    placed = seen(scene.corners)
    solid = scene.corners[scene.triangles]
    normals = np.cross(solid[:, 1] - solid[:, 0], solid[:, 2] - solid[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shades = 0.62 + 0.38 * np.abs(normals @ axes.T @ LIGHT)
    found = []
    for triangle, owner, shade in zip(scene.triangles, scene.owners, shades, strict=True):
        own = placed[triangle]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in own)
        colour = scene.paints[scene.paint][owner][1]
        face = (
            f'<polygon points="{points}" fill="{_darker(colour, shade)}" fill-opacity="{OPACITY}" '
            f'stroke="{_darker(colour, 0.6)}" stroke-width="0.7"/>'
        )
        found.append((float(own[:, 2].mean()), face))
    return found


def _balls(scene: StructureScene, seen: Seen, scale: float) -> list[Item]:
    found = []
    for (x, y, z), kind in zip(seen(scene.points), scene.kind_of, strict=True):
        own = scene.kinds[kind]
        circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{max(own.radius * scale, 2.0):.1f}"'
        ball = (
            f'{circle} fill="#fff"/>{circle} fill="{own.colour}" fill-opacity="{own.opacity}" '
            f'stroke="{_darker(own.colour, 0.55)}"/>'
        )
        found.append((float(z) + 0.3, ball))
    return found


def _keys(scene: StructureScene) -> list[tuple[str, str]]:
    solids = sorted(dict.fromkeys(scene.paints[scene.paint]), key=lambda one: (len(one[0]), one[0]))[:MOST_KEYS]
    return [*solids, *((kind.text, kind.colour) for kind in scene.kinds[:MOST_KEYS])]


def _key(k: int, text: str, colour: str) -> str:
    x, y = 20 + (k % 2) * WIDTH / 2, HEIGHT + KEY_ROW * (k // 2)
    return (
        f'<rect x="{x:g}" y="{y:g}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{x + 16:g}" y="{y + 9:g}" fill="#222">{escape(text)}</text>'
    )


def _darker(colour: str, factor: float) -> str:
    return "#" + "".join(f"{round(int(colour[k : k + 2], 16) * factor):02x}" for k in (1, 3, 5))
