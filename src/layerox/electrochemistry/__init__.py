"""Electrochemistry: what a cycler has logged of a cell, on a clock that frames can be held against."""

from layerox.electrochemistry.log import Electrochemistry
from layerox.electrochemistry.reading import read_electrochemistry

__all__ = ["Electrochemistry", "read_electrochemistry"]
