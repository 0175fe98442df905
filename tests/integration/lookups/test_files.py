"""Lookup files against a real broker: equal, row by row, to what was written there by plain clients."""

from datetime import UTC, datetime, timedelta

KINDS = ("ip", "domain", "url", "email", "hash_md5", "hash_sha1", "hash_sha256", "hash_sha512")


def same(lookup, truth):
    """Tell whether every file holds exactly the truth."""
    return {kind: lookup.rows(kind) == truth.rows(kind) for kind in KINDS}


def fill(truth, made):
    soon = datetime.now(tz=UTC) + timedelta(days=1)
    truth.write(
        *(made(at, f"192.0.2.{at}", ip=f"192.0.2.{at}", tags=["a", f"b,{at}"]) for at in range(1, 40)),
        *(made(100 + at, f"host{at}.example", "domain", ip="192.0.2.1", severity="high") for at in range(20)),
        *(made(200 + at, f'http://e.example/?q="{at}",x\ny'.replace("\ny", ""), "url", expiration_ts=soon) for at in range(5)),
        *(made(300 + at, f"m{at}@e.example", "email", confidence=None, source="Müller, Söhne") for at in range(5)),
        *(made(400 + at, f"{at:064x}", kind) for at, kind in enumerate(KINDS[4:])),
        *(made(500 + at, f"odd{at}", "other") for at in range(3)),
        made(600, "198.51.100.9", expiration_ts=datetime(2020, 1, 1, tzinfo=UTC)),
        made(601, "198.51.100.10", expiration_ts=None, update_id=999),
        made(602, "198.51.100.10", update_id=1_000, source="newer"),
    )
    truth.write(made(9_000, "203.0.113.1"), commit=False)


def test_files_hold_the_topic_row_by_row(lookup, truth, made):
    """Updates, tombstones, expiry, aborted transactions and shared values come out as the documents say, run after run."""
    fill(truth, made)
    lookup.once()
    assert same(lookup, truth) == dict.fromkeys(KINDS, True)
    assert len(lookup.rows("ip")) == 41
    truth.write(
        made(1, "192.0.2.1", update_id=5_000, confidence=99),
        made(2, "192.0.2.2", update_id=1, confidence=0),
        made(7_000, "2001:db8::7", type="ipv6"),
        gone=(3, 4, 602),
    )
    lookup.once()
    assert same(lookup, truth) == dict.fromkeys(KINDS, True)
    by_ip = {row[0]: row[1] for row in lookup.rows("ip")}
    assert (by_ip["192.0.2.1"], by_ip["192.0.2.2"], "192.0.2.3" in by_ip, "198.51.100.10" in by_ip) == ("99", "50", False, True)


def test_a_deleted_file_is_back_after_a_run(lookup, truth, made):
    """At the target or where it is built, and with a state that was thrown away: nothing but the topic is needed."""
    fill(truth, made)
    lookup.once()
    (lookup.there / "anomali_threatstream_ip.csv").unlink()
    lookup.once()
    assert lookup.rows("ip") == truth.rows("ip")
    for folder in (lookup.there, lookup.out, lookup.folder / "state"):
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
    lookup.once()
    assert same(lookup, truth) == dict.fromkeys(KINDS, True)


def test_status_tells_rows_and_what_is_wrong(lookup, truth, made):
    """Before a run, after a good one, and after one that was held back."""
    assert "has not run yet" in lookup.status()["wrong"][0]
    fill(truth, made)
    lookup.once()
    state = lookup.status()
    ip = next(file for file in state["files"] if file["file"] == "anomali_threatstream_ip.csv")
    assert (state["wrong"], ip["rows"], ip["alerts"]) == ([], 40, [])
    assert ip["bytes"] == (lookup.there / "anomali_threatstream_ip.csv").stat().st_size
    assert ip["delivered"] is not None
    truth.write(gone=tuple(range(1, 35)))
    assert "held back" in lookup.once(code=1)
    assert "--force" in lookup.status()["wrong"][0]
    assert len(lookup.rows("ip")) == 41
    lookup.once("--force")
    assert same(lookup, truth) == dict.fromkeys(KINDS, True)
    assert lookup.status()["wrong"] == []
