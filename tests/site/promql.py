"""Takes a PromQL expression, gives the metrics it reads and the labels it names for each; never judges its syntax: promtool does."""

import re
from collections import defaultdict

_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_RANGE = re.compile(r"\[[^\]]*\]")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NUMBER = re.compile(r"\b[0-9][0-9a-zA-Z.]*\b")
_NAME = re.compile(r"[a-zA-Z_:$][a-zA-Z0-9_:]*")
_WORDS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset"})


def named(expression):
    """Give {metric: labels in its braces}, and the labels by which the expression groups or matches."""
    text = _STRING.sub("''", expression)
    matched = defaultdict(set)
    for metric, matchers in _SELECTOR.findall(text):
        matched[metric] |= set(_MATCHER.findall(matchers))
    text = _RANGE.sub(" ", _SELECTOR.sub(r"\1 ", text))
    grouped = {label.strip() for labels in _GROUPING.findall(text) for label in labels.split(",") if label.strip()}
    text = _NUMBER.sub(" ", _GROUPING.sub(" ", text))
    for found in _NAME.finditer(text):
        called = text[found.end() :].lstrip().startswith("(")
        if not called and found.group() not in _WORDS:
            matched[found.group()] |= set()
    return dict(matched), grouped
