"""How the frames of a series are refined: seed frames, segments, phases that enter and leave, acceptance."""
