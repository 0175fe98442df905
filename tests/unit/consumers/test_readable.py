"""Proves that what is no record is told apart from its neighbours."""

from dataclasses import dataclass

from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.rows import to_batch
from wellhead.consumers.readable import readable


@dataclass(frozen=True)
class Said:
    content: bytes | None

    def value(self) -> bytes | None:
        return self.content


def test_records_are_read_and_what_is_none_comes_with_its_reason():
    """A tombstone, a text and a record cut short are named; the records around them are read, in order."""
    schema = schemas.load("wallarm.hit")
    rows = [{"id": f"h{number}", "client_id": 1, "type": "xss", "time": number, "point": []} for number in range(3)]
    first, second, third = Encoder(schema, 7).encode(to_batch(rows, schema)[0]).values
    messages = [Said(value) for value in (first, None, b"no record", second, third[:9], third)]
    batch, whole, bad = readable(Decoder(lambda _id: schema.text, schema), messages)  # type: ignore[arg-type]
    assert batch.column("id").to_pylist() == ["h0", "h1", "h2"]
    assert whole == [messages[0], messages[3], messages[5]]
    assert [message for message, _ in bad] == [messages[1], messages[2], messages[4]]
    assert all(reason for _, reason in bad)
