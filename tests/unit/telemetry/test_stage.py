from wellhead.telemetry import Stage


def test_the_sentence():
    """The stages are the five words of the sentence, in its order, and are plain strings in labels and headers."""
    assert list(Stage) == ["poll", "transform", "encode", "produce", "commit"]
    assert f"{Stage.ENCODE}" == "encode"
