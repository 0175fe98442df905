"""What was dead-lettered before a cursor expired is not dead-lettered again, and nothing else is left out."""

from hypothesis import given
from hypothesis import strategies as st

from wellhead.runtime.prepare import Letter
from wellhead.runtime.seenletters import SeenLetters
from wellhead.telemetry.stage import Stage

LETTERS = st.lists(
    st.builds(Letter, st.sampled_from([b"", b"a", b"b"]), st.sampled_from([Stage.POLL, Stage.ENCODE]), st.just("r"))
)


@given(held=LETTERS, again=LETTERS)
def test_each_letter_that_stands_there_answers_for_one(held, again):
    """Of equal letters as many are left out as stand in the topic; the order of the others stays."""
    seen = SeenLetters()
    for letter in held:
        seen.add(letter.stage.value, letter.raw)
    rest, expected = list(held), []
    for letter in again:
        if letter in rest:
            rest.remove(letter)
        else:
            expected.append(letter)
    assert seen.unseen(again) == expected
