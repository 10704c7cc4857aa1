"""`python -m tap_yoc.doctor`."""

from tap_yoc.doctor.command import main

if __name__ == "__main__":
    main()
