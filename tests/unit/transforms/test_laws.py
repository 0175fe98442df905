"""What holds for every transform, whatever the batch and the options."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

DATA = st.data()
law = settings(deadline=None, max_examples=60)


@law
@given(data=DATA)
def test_schema_order_and_number_of_rows_are_kept(feed, data):
    """No transform adds a row, changes the schema, or touches what cannot be masked; only Filter leaves rows out."""
    words, table = data.draw(feed.transform_words()), data.draw(feed.batches())
    (transform,) = feed.transforms(words)
    result = transform.apply(table)
    assert result.schema.equals(table.schema, check_metadata=True)
    result.validate(full=True)
    if words["transforms.it.type"] == "Filter":
        assert result.num_rows <= table.num_rows
    else:
        assert result.num_rows == table.num_rows
        assert result.column("time") == table.column("time")


@law
@given(data=DATA)
def test_a_filter_and_its_opposite_share_out_every_row(feed, data):
    """What a Filter keeps and what its negation keeps are together all rows, each in the order they came."""
    predicate, table = data.draw(feed.predicates), data.draw(feed.batches())
    numbered = table.set_column(
        0, table.schema.field(0), pa.array(range(table.num_rows), pa.int64()).cast(table.schema.field(0).type)
    )
    dropped = feed.one({"type": "Filter", "negate": True}, predicate).apply(numbered).column(0).to_pylist()
    kept = feed.one({"type": "Filter"}, predicate).apply(numbered).column(0).to_pylist()
    assert kept == sorted(kept)
    assert dropped == sorted(dropped)
    assert sorted(kept + dropped) == numbered.column(0).to_pylist()


@law
@given(data=DATA)
def test_a_predicate_selects_the_rows_that_are_changed(feed, data):
    """With a predicate the selected rows are as without one, and the others as they came."""
    words, table = data.draw(feed.transform_words(selected=True)), data.draw(feed.batches())
    everywhere = {word: value for word, value in words.items() if not word.endswith((".predicate", ".negate"))}
    changed = feed.transforms(everywhere)[0].apply(table).to_pylist()
    (transform,) = feed.transforms(words)
    selected = transform.condition.test(table).to_pylist()
    expected = [new if chosen else old for new, old, chosen in zip(changed, table.to_pylist(), selected, strict=True)]
    assert transform.apply(table).to_pylist() == expected


@law
@given(data=DATA)
def test_transforms_go_one_after_the_other(feed, data):
    """A chain is its transforms in the order of the list, whatever order their options are written in."""
    first, second = data.draw(feed.transform_words("a")), data.draw(feed.transform_words("b"))
    table = data.draw(feed.batches())
    chain = feed.transforms({**second, **first, "transforms": "a,b"})
    assert [transform.name for transform in chain] == ["a", "b"]
    expected = feed.transforms(second)[0].apply(feed.transforms(first)[0].apply(table))
    assert chain[1].apply(chain[0].apply(table)) == expected


@law
@given(data=DATA)
def test_a_slice_is_changed_as_its_copy(feed, data):
    """Where in a longer batch rows stand makes no difference."""
    words, table = data.draw(feed.transform_words()), data.draw(feed.batches())
    copy = pa.RecordBatch.from_pylist(table.to_pylist(), schema=table.schema)
    (transform,) = feed.transforms(words)
    assert transform.apply(table).to_pylist() == transform.apply(copy).to_pylist()


@law
@given(data=DATA)
def test_an_empty_batch_passes(feed, data):
    """No row in, no row out."""
    (transform,) = feed.transforms(data.draw(feed.transform_words()))
    assert transform.apply(feed.batch().slice(0, 0)).num_rows == 0


@law
@given(data=DATA, keyed=st.booleans())
def test_a_mask_leaves_no_original(feed, data, keyed):
    """After MaskField every value is the mask or a hash, nulls are null, and equal texts have equal hashes."""
    table = data.draw(feed.batches())
    how = {"hash.key": "k" * 16} if keyed else {"replacement": "***"}
    masked = feed.one({"type": "MaskField", "fields": "user", **how}).apply(table).column("user").to_pylist()
    originals = table.column("user").to_pylist()
    assert [text is None for text in masked] == [text is None for text in originals]
    assert not {text for text in masked if text is not None} & set(originals)
    if keyed:
        pairs = {pair for pair in zip(originals, masked, strict=True) if pair[0] is not None}
        assert len(pairs) == len({original for original, _ in pairs}) == len({text for _, text in pairs})
