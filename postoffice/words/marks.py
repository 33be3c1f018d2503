"""The mark for texts that stand in tables and are translated when they are shown."""


def N_(text: str) -> str:
    """`text` as it is; tools that gather texts look for this name."""
    return text
