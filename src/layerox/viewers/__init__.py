"""Viewers: the plain ES modules that draw results in a browser, and the data that they draw; no network, no kernel."""
