"""The process of `tap-yoc-doctor` and of `python -m tap_yoc.doctor`."""

from tap_yoc.cli.process import run_and_exit
from tap_yoc.doctor import command


def main() -> None:
    """Run the command, then exit at once."""
    run_and_exit(command.main)


if __name__ == "__main__":
    main()
