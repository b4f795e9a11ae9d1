"""``python -m tasks`` is the command ``nocturne``."""

from tasks.cli import main

if __name__ == "__main__":
    main()
