"""Downloads show a bar on a terminal and a few plain lines elsewhere."""

import io

from wellhead.stack.progress import ConsoleReporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_are_few():
    """A thousand chunks give one opening line and five percentages, in order."""
    stream = io.StringIO()

    with ConsoleReporter(stream).downloading(3, 1000 * 1024) as meter:
        for _ in range(1000):
            meter.advance(1024)

    assert stream.getvalue().splitlines() == [
        "stack: downloading 3 files, 1 MiB",
        *(f"stack: downloaded {percent} %" for percent in (20, 40, 60, 80, 100)),
    ]


def test_bar_appears_only_on_a_terminal():
    """On a terminal the lines give way to a bar."""
    stream = Terminal()

    with ConsoleReporter(stream).downloading(1, 10) as meter:
        meter.advance(10)

    assert "\x1b[" in stream.getvalue()
    assert "downloaded" not in stream.getvalue()
