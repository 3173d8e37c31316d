"""Polyhedra of an interface cell counted by angles and by letters, which must agree."""

from layerox.interfaces import interface


def test_lithium_in_a_gallery_is_no_metal():
    # OP4r of the library holds Li in its O galleries and Na in its P galleries; four slabs and galleries of each pair.
    report = interface("P2/OP4r").report
    assert report["coordination"] == report["coordination_by_letters"]
    assert report["coordination"]["Na"]["octahedral"] == 2
