"""`python -m layerox` is the command `layerox`."""

from layerox.cli.main import run

if __name__ == "__main__":
    run()
