"""Takes the command line, gives it to the CLI: `python -m wellhead` is `wellhead`."""

from wellhead.cli import main

if __name__ == "__main__":
    main()
