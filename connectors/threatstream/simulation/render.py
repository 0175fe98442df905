"""Takes indicators as they stand, gives the JSON text of each as the vendor sends it; the same text for the same state, always."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from connectors.threatstream.simulation.catalogue import FACES, FAMILIES, invent_faces, itype_pieces
from connectors.threatstream.simulation.pattern import STATUSES
from connectors.threatstream.simulation.population import Population
from connectors.threatstream.simulation.quirks import Quirks, shaped
from connectors.threatstream.simulation.rows import Rows
from connectors.threatstream.simulation.rule import BYHAND_FIRST
from connectors.threatstream.simulation.settings import GROUPS, Settings
from connectors.threatstream.simulation.values import value_numbers, write
from wellhead.testing.dice import Ints, below, salt_of, throw

ID_FIRST = 58_000_000_000
_IDS_PER_NUMBER = 8
_SHAPE = (
    b'{"id":%d,"update_id":%d,"uuid":"%08x-%04x-4%03x-a%03x-%012x","resource_uri":"/api/v2/intelligence/%d/",%b,"value":"%b",'
    b'"status":"%b",%b,"created_ts":"%b","modified_ts":"%b","expiration_ts":"%b",%b,"sort":[%b]%b}'
)
_STATUS_WORDS = [status.encode() for status in STATUSES]


def ids_of(numbers: Ints, group: str) -> Ints:
    """Give the vendor's ids of a group's indicators."""
    return np.asarray(ID_FIRST + numbers * _IDS_PER_NUMBER + GROUPS.index(group), np.int64)


def id_of(number: int, group: str) -> int:
    """Give the vendor's id of one indicator."""
    return ID_FIRST + number * _IDS_PER_NUMBER + GROUPS.index(group)


def number_of(identifier: int) -> tuple[str, int] | None:
    """Give the group and number that an id stands for, None when the vendor has no such id."""
    number, place = divmod(identifier - ID_FIRST, _IDS_PER_NUMBER)
    return (GROUPS[place], number) if number >= 0 and place < len(GROUPS) else None


class Renderer:
    """Writes one group's indicators.

    Attributes:
        quirks: The content faults that shape some of them.
    """

    def __init__(self, settings: Settings, population: Population) -> None:
        self.quirks = Quirks({}, np.empty(0, np.int64), 0)
        self._settings = settings
        self._population = population
        self._group = population.group
        self._salt = salt_of(settings.seed, self._group, "render")
        self._families = FAMILIES[self._group]
        self._pieces = [itype_pieces(family) for family in self._families]
        self._shares = np.cumsum([family.share for family in self._families])
        faces = invent_faces(settings.seed, self._group)
        self._before = [face.before for face in faces]
        self._after = [face.after for face in faces]
        self._resolved = [face.resolved for face in faces]

    def families(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Give which number each value is made of, and which of the group's families that value is of."""
        made_of = value_numbers(numbers, self._settings.duplicates, self._salt, BYHAND_FIRST)
        dice = below(throw(made_of, self._salt + 1), 100)
        return made_of, np.asarray(np.searchsorted(self._shares, dice, side="right"), np.int64)

    def texts(self, rows: Rows, *, by_time: bool = False) -> list[bytes]:
        """Write indicators; `by_time` gives the `sort` of an order by modified_ts."""
        if not len(rows):
            return []
        texts = self._plain(rows, by_time=by_time)
        for place, fault in self.quirks.struck(rows.numbers).items():
            texts[place] = orjson.dumps(shaped(fault, orjson.loads(texts[place])))
        if len(self._population.by_hand):
            for place, (number, uid) in enumerate(zip(rows.numbers.tolist(), rows.uids.tolist(), strict=True)):
                fields = self._population.by_hand.fields(number, uid)
                if fields:
                    texts[place] = orjson.dumps(orjson.loads(texts[place]) | dict(fields))
        return texts

    def _plain(self, rows: Rows, *, by_time: bool) -> list[bytes]:
        numbers, uids = rows.numbers, rows.uids
        values, pieces = self._named(numbers)
        moments = self._population.update_ids.moments(uids)
        ids = ids_of(numbers, self._group).tolist()
        sorts = (
            [b"%d,%d" % both for both in zip(moments.tolist(), ids, strict=True)]
            if by_time
            else [b"%d" % uid for uid in uids.tolist()]
        )
        faces = below(throw(uids, self._salt + 4), FACES).tolist()
        owns = [b',"ip":"%b"' % value for value in values] if self._group == "ip" else [self._resolved[face] for face in faces]
        before, after, words = self._before, self._after, _STATUS_WORDS
        columns = zip(
            ids, uids.tolist(), *self._uuids(numbers), values, pieces, rows.statuses.tolist(), faces,
            _times(self._population.rule.created(numbers)), _times(moments), _times(rows.ends_ms), sorts, owns,
            strict=True,
        )  # fmt: skip
        return [
            _SHAPE
            % (i, uid, a, b, c, d, e, i, piece, value, words[status], before[face], made, changed, end, after[face], sort, own)
            for i, uid, a, b, c, d, e, value, piece, status, face, made, changed, end, sort, own in columns
        ]

    def _named(self, numbers: Ints) -> tuple[list[bytes], list[bytes]]:
        """Give values, and the JSON text of what they are."""
        made_of, which = self.families(numbers)
        dice = throw(numbers, self._salt + 2)
        values, pieces = [b""] * len(numbers), [b""] * len(numbers)
        for place, family in enumerate(self._families):
            ours = np.flatnonzero(which == place)
            if not len(ours):
                continue
            written = write(family.form, made_of[ours], self._salt + 16)
            kinds = below(dice[ours], len(family.itypes)).tolist()
            for at, value, kind in zip(ours.tolist(), written, kinds, strict=True):
                values[at], pieces[at] = value, self._pieces[place][kind]
        return values, pieces

    def _uuids(self, numbers: Ints) -> tuple[list[Any], ...]:
        high, low = throw(numbers, self._salt + 5), throw(numbers, self._salt + 6)
        parts = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFF, low >> 52, low & 0xFFFFFFFFFFFF)
        return tuple(part.tolist() for part in parts)


def _times(moments: Ints) -> list[bytes]:
    texts = np.datetime_as_string(moments.astype("datetime64[ms]"), unit="ms", timezone="UTC")
    return list(texts.astype("S").tolist())
