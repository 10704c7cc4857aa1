"""Run the tap."""

from tap_ordinary.tap import TapOrdinary

TapOrdinary.cli()
