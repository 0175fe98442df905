"""Tests of the words of transforms and predicates."""

import pytest

from wellhead.config.chain import is_chain_word, read_chain

PREDICATE = {"predicates.noise.type": "FieldEquals", "predicates.noise.field": "status", "predicates.noise.values": "200"}
FILTER = {"transforms.drop.type": "Filter", "transforms.drop.predicate": "noise", **PREDICATE}
MASK = {"transforms.hide.type": "MaskField", "transforms.hide.fields": "user"}


def problems(words):
    return {problem.path: problem.message for problem in read_chain(words, "c").problems}


def test_the_list_gives_the_order():
    """Transforms go in the order of the list, as a comma list or as YAML's own."""
    for written in ("hide, drop", ["hide", "drop"]):
        chain = read_chain({**FILTER, **MASK, "transforms": written, "predicates": "noise", "tenant": "acme"}, "c")
        assert chain.problems == ()
        assert [step.alias for step in chain.steps] == ["hide", "drop"]
        assert [step.predicate and step.predicate.type for step in chain.steps] == [None, "FieldEquals"]


def test_without_a_list_the_order_is_as_written():
    """Nested options need no list beside them."""
    chain = read_chain({**FILTER, **MASK}, "c")
    assert [step.alias for step in chain.steps] == ["drop", "hide"]
    assert chain.settings["transforms"] == ("drop", "hide")
    assert chain.settings["predicates"] == ("noise",)


def test_an_empty_chain_leaves_no_trace():
    """A connector without transforms is as if there were none in the house."""
    for words in ({}, {"transforms": ""}, {"transforms": None}, {"transforms": []}):
        chain = read_chain(words, "c")
        assert (chain.settings, chain.steps, chain.problems) == ({}, (), ())


def test_connects_own_types_mean_ours():
    """What a Connect user has written goes on working where we have the same."""
    words = {**MASK, "transforms.hide.type": "org.apache.kafka.connect.transforms.MaskField$Value"}
    (step,) = read_chain(words, "c").steps
    assert type(step.options).__name__ == "MaskFieldOptions"
    assert "c.transforms.hide.type" in problems(
        {**words, "transforms.hide.type": "org.apache.kafka.connect.transforms.MaskField$Key"}
    )


def test_lists_are_read_as_texts():
    """Numbers and booleans in a YAML list are the text an operator sees."""
    words = {**FILTER, "predicates.noise.values": [200, True, "a,b"]}
    assert read_chain(words, "c").steps[0].predicate.values == ("200", "true", "a,b")


@pytest.mark.parametrize(
    ("words", "path", "message"),
    [
        ({**MASK, "transforms": "hde"}, "transforms.hide", "no transform in the list 'transforms' is called 'hide'; did you mean hde?"),
        (
            {**FILTER, "predicates": "xyz", "predicates.xyz.type": "FieldIsNull", "predicates.xyz.field": "f"},
            "predicates.noise",
            "no predicate in the list 'predicates' is called 'noise'; add it to the list or remove its options",
        ),
        (
            {"transforms": "hide"},
            "transforms.hide.type",
            "required: which transform it is; one of Filter, MaskField, ReplaceField, InsertField",
        ),
        ({**MASK, "transforms.hide.type": "MaskFeild"}, "transforms.hide.type", "no type of transform is called 'MaskFeild'; did you mean MaskField?"),
        (
            {**FILTER, "predicates.noise.type": "Regex"},
            "predicates.noise.type",
            "no type of predicate is called 'Regex'; known: FieldEquals, FieldMatches, FieldIsNull, OlderThan",
        ),
        ({**MASK, "transforms.hide.feilds": "x"}, "transforms.hide.feilds", "unknown option; did you mean fields?"),
        ({**FILTER, "transforms.drop.predicate": "nois"}, "transforms.drop.predicate", "no predicate is called 'nois'; did you mean noise?"),
        (
            {"transforms.drop.type": "Filter"},
            "transforms.drop.predicate",
            "required: Alias of the predicate that selects what is left out.",
        ),
        ({**MASK, "transforms.hide.negate": True}, "transforms.hide.negate", "needs a predicate to negate"),
        ({**MASK, "transforms.hide.negate": "perhaps"}, "transforms.hide.negate", "must be true or false"),
        ({**MASK, "transforms.hide.fields": " , "}, "transforms.hide.fields", "must name at least one"),
        ({**MASK, "transforms.hide.hash.key": "short"}, "transforms.hide.hash.key", "must have at least 16 characters, or it can be guessed"),
        (
            {**MASK, "transforms.hide.hash.key": "k" * 16, "transforms.hide.replacement": "x"},
            "transforms.hide.replacement",
            "cannot stand together with hash.key",
        ),
        (
            {"transforms.t.type": "ReplaceField"},
            "transforms.t.exclude",
            "required: the fields to empty, or in include those to keep",
        ),
        (
            {"transforms.t.type": "ReplaceField", "transforms.t.exclude": "a", "transforms.t.include": "b"},
            "transforms.t.include",
            "cannot stand together with exclude",
        ),
        (
            {"transforms.t.type": "InsertField", "transforms.t.static.field": "a", "transforms.t.static.value": "b", "transforms.t.static.when": "x"},
            "transforms.t.static.when",
            "must be 'missing' or 'always'",
        ),
        ({**FILTER, "predicates.noise.type": "OlderThan", "predicates.noise.age.secs": 0}, "predicates.noise.age.secs", "must be greater than 0"),
        ({"transforms.hide": "MaskField"}, "transforms.hide.type", "required: which transform it is; one of Filter, MaskField, ReplaceField, InsertField"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_path_and_next_step(words, path, message):
    """Each mistake is told where it was made, with the closest word that would do."""
    assert problems(words)[f"c.{path}"] == message


def test_a_secret_in_the_wrong_place_is_not_told():
    """A message may quote a word, never a text that must stay hidden (I6)."""
    chain = read_chain({"transforms.hide.type": "s3cret-k3y"}, "c", ["s3cret-k3y"])
    assert "s3cret" not in str(chain.problems)
    assert len(chain.problems) == 1


def test_only_its_own_words_are_read():
    """Every other word is somebody else's."""
    assert [
        word for word in ("transforms", "transforms.a.type", "predicates.b", "transform", "tenant") if is_chain_word(word)
    ] == [
        "transforms",
        "transforms.a.type",
        "predicates.b",
    ]
