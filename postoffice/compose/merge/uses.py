"""The fields that a template uses, found in its sources: name, kind, whether a row must have it, and what its lists are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from postoffice.compose.merge.content import PARTS, Content
from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.formats import FILTERS

#: what the house gives to every template: no column is needed for it
GIVEN = frozenset(
    {
        "language",
        "today",
        "sender",
        "sender_name",
        "recipient_name",
        "address",
        "link",
        "attachment",
        "pages",
        "unsubscribe",
        "proof",
        "expires_at",
        "message",
        "purpose",
        "preferences",
        "pictures",
        "letter_subject",
        "layout",
    }
)
#: filters that say what a field is
_KINDS = {"money": "number", "number": "number", "percent": "number", "round": "number", "sum": "number", "date": "date"}
_TEXT, _LIST = "text", "list"


@dataclass(slots=True)
class Use:
    """A field of a template. `kind`: text, number, date or list (then `children` are the fields of its entries)."""

    name: str
    kind: str = _TEXT
    required: bool = True
    parts: list[str] = field(default_factory=list)  #: where it is used, as `fr.letter`
    children: dict[str, "Use"] = field(default_factory=dict)

    def columns(self) -> Iterator["Use"]:
        """What a flat table needs a column for: itself, or `name.child` for each child."""
        if self.kind != _LIST:
            yield self
        for child in self.children.values():
            yield Use(f"{self.name}.{child.name}", child.kind, child.required, child.parts)


def uses_of(content: Content) -> list[Use]:
    """All fields in the order in which they first stand. Raises TemplateFault template-syntax, naming part, language and line."""
    found: dict[str, Use] = {}
    for language, parts in content.parts.items():
        for name in PARTS:
            source = getattr(parts, name)
            if source:
                _add(found, source, f"{language}.{name}")
    if content.style:
        _add(found, content.style, "style")
    return list(found.values())


def parse(source: str, where: str) -> nodes.Template:
    """The syntax tree of a part. TemplateFault template-syntax with `part` and `line`; unknown filters count."""
    try:
        tree = _ENVIRONMENT.parse(source)
        _ENVIRONMENT.compile(tree)
        return _ENVIRONMENT.parse(source)  # compiling changes a tree
    except TemplateSyntaxError as error:
        raise TemplateFault(
            "template-syntax",
            f"Line {error.lineno} of {where} cannot be understood: {error.message}",
            help="Correct the template.",
            line=error.lineno,
            file=where,
            part=where,
        ) from None


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=True)
    environment.filters.update(FILTERS)
    environment.filters.update(gsm=str)
    return environment


_ENVIRONMENT = _environment()


def _add(found: dict[str, Use], source: str, where: str) -> None:
    tree = parse(source, where)
    wanted = meta.find_undeclared_variables(tree) - GIVEN - set(_ENVIRONMENT.globals)
    loops = _loops(tree, wanted)
    optional = _optional(tree)
    for node, filters in _names(tree):
        _note(found, node, filters, where, wanted, loops, optional)


def _note(
    found: dict[str, Use],
    node: nodes.Name | nodes.Getattr | nodes.Getitem,
    filters: Sequence[str],
    where: str,
    wanted: set[str],
    loops: dict[str, str],
    optional: set[str],
) -> None:
    """Write down one place where a field stands."""
    root, attribute = _path(node)
    kind = next((_KINDS[one] for one in filters if one in _KINDS), _TEXT)
    if root in loops and root not in wanted:
        parent, name = loops[root], attribute
        use = found.setdefault(parent, Use(parent, _LIST, parent not in optional))
        use.kind = _LIST
        if name:
            child = use.children.setdefault(name, Use(name, kind, True))
            child.required = child.required and f"{root}.{name}" not in optional
            child.kind = kind if kind != _TEXT else child.kind
            _where(child, where)
    elif root in wanted:
        use = found.setdefault(root, Use(root, _LIST if root in loops.values() else kind, root not in optional))
        use.required = use.required and root not in optional
        if use.kind == _TEXT:
            use.kind = kind
        if attribute and use.kind != _LIST:
            child = use.children.setdefault(attribute, Use(attribute, kind))
            child.kind = kind if kind != _TEXT else child.kind
    else:
        return
    _where(use, where)


def _where(use: Use, where: str) -> None:
    if where not in use.parts:
        use.parts.append(where)


def _loops(tree: nodes.Template, wanted: set[str]) -> dict[str, str]:
    """Loop variable -> the list field that it runs over."""
    found = {}
    for loop in tree.find_all(nodes.For):
        source: nodes.Node = loop.iter
        while isinstance(source, nodes.Filter) and source.node is not None:
            source = source.node
        if isinstance(source, nodes.Name) and source.name in wanted and isinstance(loop.target, nodes.Name):
            found[loop.target.name] = source.name
    return found


def _optional(tree: nodes.Template) -> set[str]:
    """Names (and `loop.attribute`) that the template asks about before it uses them, or has an answer for."""
    found = set()
    tests = [*(one.test for one in tree.find_all(nodes.If)), *(one.test for one in tree.find_all(nodes.CondExpr))]
    for node in (node for test in tests for node in _plain_in(test)):
        found.add(".".join(filter(None, _path(node))))
    for either in tree.find_all(nodes.Or):
        for node in _plain_in(either.left):
            found.add(".".join(filter(None, _path(node))))
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name in ("default", "d") and isinstance(filtered.node, nodes.Name | nodes.Getattr):
            found.add(".".join(filter(None, _path(filtered.node))))
    return found


def _plain_in(test: nodes.Node) -> Iterator[nodes.Name | nodes.Getattr]:
    """What a condition asks for by itself, alone or with `and`, `or`, `not`, `is defined`; not what it compares."""
    if isinstance(test, nodes.Name | nodes.Getattr):
        yield test
    elif isinstance(test, nodes.And | nodes.Or):
        yield from _plain_in(test.left)
        yield from _plain_in(test.right)
    elif isinstance(test, nodes.Not) or (isinstance(test, nodes.Test) and test.name in ("defined", "undefined", "none")):
        yield from _plain_in(test.node)


def _names(
    node: nodes.Node, filters: tuple[str, ...] = ()
) -> Iterator[tuple[nodes.Name | nodes.Getattr | nodes.Getitem, Sequence[str]]]:
    """Every use of a name with the filters around it, in the order of the source."""
    if isinstance(node, nodes.Filter):
        inner = (*filters, node.name)
        if node.node is not None:
            yield from _names(node.node, inner)
        for other in (*node.args, *node.kwargs):
            yield from _names(other)
        return
    if isinstance(node, nodes.Name):
        if node.ctx == "load":
            yield node, filters
        return
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        yield node, filters
        return
    inner = filters if isinstance(node, nodes.BinExpr | nodes.UnaryExpr | nodes.Operand) else ()
    if _counts(node):
        inner = (*inner, "number")
    for child in node.iter_child_nodes():
        yield from _names(child, inner)


def _counts(node: nodes.Node) -> bool:
    """Whether what stands here must be a number: it is multiplied, or compared or added to one."""
    if isinstance(node, nodes.Mul | nodes.Div | nodes.FloorDiv | nodes.Sub | nodes.Pow):
        return True
    if isinstance(node, nodes.Compare):
        parts: list[nodes.Node] = [node.expr, *(one.expr for one in node.ops)]
    elif isinstance(node, nodes.Add):
        parts = [node.left, node.right]
    else:
        return False
    return any(isinstance(one, nodes.Const) and isinstance(one.value, int | float) and not isinstance(one.value, bool) for one in parts)


def _path(node: nodes.Node) -> tuple[str, str]:
    """(root, attribute) of `root`, `root.attribute` or `root["attribute"]`."""
    if isinstance(node, nodes.Name):
        return node.name, ""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return node.node.name, node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name):
        key = node.arg.value if isinstance(node.arg, nodes.Const) else ""
        return node.node.name, str(key) if isinstance(key, str) else ""
    return "", ""
