"""The builder's form and the rules that it shows: a tree in the names of its fields, so that it works without a script.

A node's place is "r" for the whole, "r.0" for the first in it; "r.0.on" is a field. A group has a field `group` (all, any).
"""

from collections.abc import Mapping
from typing import Any

from postoffice.campaigns.rules import Rule
from postoffice.campaigns.rules_words import MOST_DEEP, MOST_RULES
from postoffice.desk.choices import text_of

Node = dict[str, Any]
ROOT = "r"
FIELDS = (
    "test",
    "value",
    "name",
    "type",
    "days",
    "times",
    "kind",
    "mailing",
    "channel",
    "at",
    "category",
    "purpose",
    "state",
    "measure",
)
EMPTY: Node = {"group": "all", "inner": []}
FRESH: Node = {"on": "tag"}


def read(form: Mapping[str, Any], place: str = ROOT, depth: int = 0) -> Node:
    """The tree as it stands in the form, finished or not."""
    no = text_of(form, f"{place}.no") == "1"
    if text_of(form, f"{place}.group"):
        places = _inner(form, place) if depth < MOST_DEEP else []
        inner = [read(form, one, depth + 1) for one in places[:MOST_RULES]]
        return {"group": "any" if text_of(form, f"{place}.group") == "any" else "all", "inner": inner, "no": no}
    if not text_of(form, f"{place}.on"):
        return dict(EMPTY)
    return {"on": text_of(form, f"{place}.on", 40), "no": no} | {name: text_of(form, f"{place}.{name}", 300) for name in FIELDS}


def _inner(form: Mapping[str, Any], place: str) -> list[str]:
    front = place + "."
    numbers = {name[len(front) :].partition(".")[0] for name in form if name.startswith(front)}
    return [f"{front}{number}" for number in sorted(int(one) for one in numbers if one.isdigit() and len(one) < 4)]


def press(tree: Node, button: str) -> Node:
    """The tree after a button: add:place (a rule to a group), group:place (a group to it), remove:place. Unknown: as it was."""
    word, _, place = button.partition(":")
    steps = [int(one) for one in place.split(".")[1:] if one.isdigit()]
    parent, node = None, tree
    for step in steps:
        if "inner" not in node or step >= len(node["inner"]):
            return tree
        parent, node = node, node["inner"][step]
    if word == "add" and "inner" in node:
        node["inner"].append(dict(FRESH))
    elif word == "group" and "inner" in node:
        node["inner"].append({"group": "any" if node["group"] == "all" else "all", "inner": [dict(FRESH)]})
    elif word == "remove" and parent is not None:
        parent["inner"].pop(steps[-1])
    return tree


def rules(node: Node) -> Rule:
    """What the form says, as rules to be checked."""
    if "inner" in node:
        made: Rule = {node["group"]: [rules(one) for one in node["inner"]]}
    else:
        made = {name: value for name, value in node.items() if name != "no" and value != ""}
    return {"not": made} if node.get("no") else made


def node(rule: Mapping[str, Any], *, no: bool = False) -> Node:
    """Rules as the form shows them."""
    if "not" in rule:
        return node(rule["not"], no=not no)
    for word in ("all", "any"):
        if word in rule:
            return {"group": word, "inner": [node(one) for one in rule[word]], "no": no}
    return {name: _shown(value) for name, value in rule.items()} | {"no": no}


def whole(rule: Mapping[str, Any]) -> Node:
    """The same, with a group around where there is none."""
    made = node(rule)
    return made if "inner" in made and not made.get("no") else {"group": "all", "inner": [made], "no": False}


def _shown(value: Any) -> str:
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return "" if value == 0 else str(value)


def is_begun(tree: Node, place: str) -> bool:
    """Whether somebody has filled anything in at a place of its rules ("0.1"); True where it is no rule of the tree."""
    node = tree
    for step in place.split("."):
        inner = node.get("inner", ())
        if not step.isdigit() or int(step) >= len(inner):
            return True
        node = inner[int(step)]
    return "inner" in node or any(node.get(name) for name in FIELDS)


def filled(node: Node) -> Node:
    """The same with every field there, for a page."""
    if "inner" in node:
        return {"no": False, **node, "inner": [filled(one) for one in node["inner"]]}
    return dict.fromkeys(FIELDS, "") | {"no": False, **node}
