"""Analysis: what a user calls: fit, simulate, calibrate, several patterns at once, lmfit."""
