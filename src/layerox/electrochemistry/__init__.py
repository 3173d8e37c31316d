"""Logs of cyclers: read, converted to UTC, and matched to the frames of a series."""

from layerox.electrochemistry.cell_log import Electrochemistry
from layerox.electrochemistry.read_log import read_electrochemistry

__all__ = ["Electrochemistry", "read_electrochemistry"]
