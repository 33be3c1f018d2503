"""The command line's verbs, one module each: `add(subparsers)` describes it, `run(arguments)` does it and returns the exit status."""
