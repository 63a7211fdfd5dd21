"""`python -m rrdnsd` is the command `rrdnsd`."""

from rrdnsd.cli import main

if __name__ == "__main__":
    main()
