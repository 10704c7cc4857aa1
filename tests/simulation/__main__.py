"""`make soak`."""

from simulation.soak import main

if __name__ == "__main__":
    main()
