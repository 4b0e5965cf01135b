"""The `cellseg` command; also ``python -m cellseg``. See `cellseg.commands`."""

from cellseg import cli
from cellseg.commands import main as run_verb


def main():
    """Run the verb that is asked for and end the process."""
    cli.run(run_verb)


if __name__ == "__main__":
    main()
