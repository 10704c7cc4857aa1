"""`python -m tap_yoc`."""

from tap_yoc.tap import TapYOC

if __name__ == "__main__":
    TapYOC.cli()
