"""Analysis: the public functions: fit, simulate, calibrate, joint fits, lmfit, uncertainties."""
