"""Compiled loops, BLAS threads, and child processes."""
