"""The command line: `postoffice VERB ...`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from postoffice.model.errors import PostOfficeError
from postoffice.settings import WrongSetting

#: verb -> module; a module is imported only when its verb, or the list of verbs, is asked for
VERBS = {
    "up": "up",
    "serve": "serve",
    "work": "work",
    "migrate": "migrate",
    "printer": "printer",
    "user": "user",
    "key": "key",
    "dkim": "dkim",
    "read": "read",
    "try": "trial",
    "bounce": "bounce",
    "events": "events",
    "doctor": "doctor",
    "verify": "verify",
    "backup": "backup",
    "restore": "restore",
    "bench": "bench",
}


def main(given: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    words = list(sys.argv[1:] if given is None else given)
    parser = argparse.ArgumentParser(prog="postoffice", description="A private electronic post office.")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    wanted = [words[0]] if words and words[0] in VERBS else list(VERBS)
    for verb in wanted:
        import_module(f"postoffice.commands.{VERBS[verb]}").add(subparsers)
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except (PostOfficeError, WrongSetting) as error:
        sys.stderr.write(f"postoffice: {error.message}\n" + (f"{error.help}\n" if error.help else ""))
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
