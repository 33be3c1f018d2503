"""Rules are checked whoever wrote them, and told as a sentence that a person would say."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postoffice.campaigns import rules_words, segment_sleepers
from postoffice.campaigns.rules import RuleError, checked, examined, leaves
from postoffice.campaigns.segment_words import sentence
from postoffice.store import segment_sql
from postoffice.words import Words

TREE: dict[str, Any] = {
    "all": [
        {"on": "town", "value": "Lyon"},
        {"on": "bought", "value": 1, "days": 90},
        {"not": {"any": [{"on": "tag", "value": "vip"}, {"on": "event", "kind": "clicked", "times": 2, "days": 1}]}},
    ]
}


def test_a_tree_is_told_in_both_languages() -> None:
    tree = checked(TREE)
    assert checked(tree) == tree, "the normal form is its own normal form"
    assert sentence(Words("en"), tree, {}) == (
        "Contacts whose town is “Lyon”, who bought in the last 90 days and who do not have the tag “vip” "
        "and who did not click at least 2 times in the last day"
    )
    one = {"any": [{"on": "tag", "value": "a"}, {"all": [{"on": "tag", "value": "b"}, {"on": "tag", "value": "c"}]}]}
    assert sentence(Words("en"), one, {}).endswith("“a” or (who have the tag “b” and who have the tag “c”)")
    told = sentence(Words("fr"), tree, {})
    assert told.startswith("Contacts dont la ville est «\u00a0Lyon\u00a0», qui ont acheté au cours des 90 derniers jours")
    assert "qui ne portent pas l’étiquette" in told and "qui n’ont pas cliqué au moins 2 fois au cours du dernier jour" in told
    assert sentence(Words("fr"), {"all": []}, {}) == "Tous les contacts"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("text", "segment-no-rule"),
        ({"all": "x"}, "segment-no-rule"),
        ({"on": "shoe size"}, "segment-subject"),
        ({"on": "tag"}, "segment-empty"),
        ({"on": "tag", "value": "x" * 61}, "segment-empty"),
        ({"on": "attribute", "name": "age", "type": "number", "test": "over", "value": "old"}, "segment-number"),
        ({"on": "attribute", "name": "age", "type": "number", "test": "over", "value": True}, "segment-number"),
        ({"on": "attribute", "name": "age", "type": "number", "test": "over", "value": "nan"}, "segment-number"),
        ({"on": "attribute", "name": "born", "type": "date", "test": "before", "value": "31/02/2026"}, "segment-day"),
        ({"on": "attribute", "name": 'a"b', "test": "is", "value": "x"}, "segment-attribute"),
        ({"on": "created", "test": "within", "days": 0}, "segment-number"),
        ({"on": "event", "kind": "sneezed"}, "segment-word"),
        ({"on": "event", "kind": "clicked", "times": 1.5}, "segment-number"),
        ({"on": "event", "kind": "clicked", "mailing": "'; DROP"}, "segment-mailing"),
        ({"on": "bought", "value": 0}, "segment-number"),
        ({"on": "segment", "value": "x"}, "segment-other"),
        ({"on": "rfm", "value": "rich"}, "segment-word"),
        ({"any": [{"on": "tag", "value": "x"}] * 61}, "segment-too-many"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(rule: Any, code: str) -> None:
    with pytest.raises(RuleError) as caught:
        checked({"all": [{"on": "tag", "value": "x"}, rule]})
    assert caught.value.code == code and caught.value.place.startswith("1") and caught.value.help


def test_groups_do_not_stand_in_one_another_for_ever() -> None:
    tree: Any = {"on": "tag", "value": "x"}
    for _ in range(2_000):
        tree = {"not": tree}
    with pytest.raises(RuleError, match="too deep"):
        checked(tree)


def test_unfinished_rules_are_left_out_of_what_is_counted() -> None:
    tree, faults = examined({"all": [{"on": "tag", "value": "x"}, {"any": [{"on": "tag"}]}, {"not": {"on": "rfm"}}]})
    assert tree == {"all": [{"on": "tag", "value": "x"}]} and [one.place for one in faults] == ["1.0", "2"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from([*rules_words.SUBJECTS, "is", "within", "least"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["all", "any", "not", "on", "test", "value", "days", "name", "kind", "type", "times"]), inner)
    ),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_is_either_told_or_refused(tree: Any) -> None:
    made, faults = examined(tree)
    assert all(isinstance(one, RuleError) for one in faults)
    assert sentence(Words("en"), made, {}) and checked(made) == made


def test_the_store_knows_every_word_that_rules_may_say() -> None:
    assert frozenset(rules_words.SUBJECTS) == segment_sql.SUBJECTS and set(rules_words.EVENTS) == set(segment_sql.EVENTS)
    assert {rule["on"] for rule in leaves(checked(segment_sleepers.rules(12)))} == {"event", "created", "bought", "tag"}
