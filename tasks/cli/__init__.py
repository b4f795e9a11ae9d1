"""The command line: ``nocturne up``, ``run``, ``trigger`` and their like.

The outermost layer; it turns errors into exit codes: 0 done, 1 the night failed, 2 the request was wrong.
"""

from tasks.cli.app import main

__all__ = ["main"]
