"""Series: many patterns of one specimen over time, temperature, voltage or composition, refined into one table."""
