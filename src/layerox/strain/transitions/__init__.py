"""Phase transitions of a series: when they happen, between which phases, and by which mechanism."""
