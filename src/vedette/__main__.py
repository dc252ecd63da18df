"""`vedette` and `python -m vedette`."""

from __future__ import annotations

from vedette.cli.root import root


def main() -> None:
    """Runs the command line; ends the process."""
    root(prog_name="vedette")


if __name__ == "__main__":
    main()
