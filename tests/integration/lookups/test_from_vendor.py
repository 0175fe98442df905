"""Proves the whole way: what the vendor holds active is what stands in the lookup files, after each run of a random history."""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from indicators import Indicators, indicators

ROUNDS = 4
HASHES = {"MD5": "hash_md5", "SHA1": "hash_sha1", "SHA256": "hash_sha256", "SHA512": "hash_sha512"}
KEYS = {
    "ip": "destination.ip",
    "domain": "dns.domain.name",
    "url": "url.original",
    "email": "email.sender.address",
    **{name: f"file.hash.{name.removeprefix('hash_')}" for name in HASHES.values()},
}


def write_lookups(worker: Indicators) -> str:
    deployment = json.loads(worker.file().read_text())
    deployment["lookups"] = {
        "ti": {
            "topic": worker.topic(),
            "files": [f"threatstream/{name}" for name in KEYS],
            "state.dir": str(worker.folder / "state"),
            "output.dir": str(worker.folder / "built"),
            "directory.path": str(worker.folder / "delivered"),
            "guard.min.size.ratio": 0,
        }
    }
    path = worker.folder / "lookups.json"
    path.write_text(json.dumps({"worker": deployment["worker"], "lookups": deployment["lookups"]}))
    return str(path)


def live(worker: Indicators, chance: random.Random) -> None:
    """Let random things happen to the vendor's indicators, each visible at once."""
    desk = worker.simulator.desk
    held = [int(record.identity[0]) for record in worker.simulator.truth(values=False)]
    for identifier in chance.sample(held, 30):
        match chance.choice(["update", "deactivate", "falsepos", "expire", "reactivate"]):
            case "update":
                desk.update(identifier, confidence=chance.randrange(100))
            case "deactivate":
                desk.deactivate(identifier)
            case "falsepos":
                desk.deactivate(identifier, "falsepos")
            case "expire":
                desk.expire(identifier)
            case "reactivate":
                desk.deactivate(identifier)
                desk.reactivate(identifier)
    for group in ("ip", "domain", "url", "email"):
        shared = None if chance.random() < 0.5 else f"value-{chance.randrange(3)}.example"
        desk.add(group, shared if group == "domain" else None)


def expected(worker: Indicators) -> dict[str, dict[str, tuple[int, int | None]]]:
    """Give, by file and key, update_id and confidence of the newest active indicator the vendor holds."""
    found: dict[str, dict[str, tuple[int, int | None]]] = {name: {} for name in KEYS}
    for name, key, told in _active(worker):
        newest = (told["update_id"], told.get("confidence"))
        found[name][key] = max(found[name].get(key, newest), newest, key=lambda each: each[0])
    return found


def _active(worker: Indicators) -> Iterator[tuple[str, str, dict]]:
    for group in ("ip", "domain", "hash", "url", "email"):
        for record in worker.simulator.truth_of(group):
            told = dict(record.values)
            name = HASHES.get(told.get("subtype") or "", "") if group == "hash" else group
            key = told.get("ip") or told["value"] if group == "ip" else told["value"]
            if name and key.strip():
                yield name, key.strip(), told


def delivered(worker: Indicators) -> dict[str, dict[str, str]]:
    """Give key and confidence of every row in every delivered file; a key must not come twice."""
    found = {}
    for name, column in KEYS.items():
        with (worker.folder / f"delivered/anomali_threatstream_{name}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found[name] = {row[column]: row["confidence"] for row in rows}
        assert len(found[name]) == len(rows), f"{name}: a key comes twice"
    return found


@pytest.mark.timeout(420)
@pytest.mark.parametrize("seed", [3])
def test_the_files_are_the_vendors_active_set(stack, unique, tmp_path, seed: int):
    """Added, updated, deactivated, expired, reactivated, killed in between: after each run the files hold just what is active, newest first."""
    chance = random.Random(seed)
    with indicators(stack, unique, tmp_path) as worker:
        worker.connector |= {"stability_delay_secs": 0, "deletions_interval_secs": 0, "sweep_interval_secs": 0}
        for round_number in range(ROUNDS):
            if round_number:
                live(worker, chance)
            asked = len(worker.simulator.requests)
            process = worker.start()
            worker.until(lambda asked=asked: len(worker.simulator.requests) > asked + 2)
            time.sleep(chance.uniform(0, 0.4))
            process.kill()
            assert process.wait() in (-signal.SIGKILL, 0)
            assert worker.run() == 0
            command = [sys.executable, "-m", "wellhead", "lookup", "run", "--once", write_lookups(worker)]
            built = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
            assert built.returncode == 0, built.stderr[-2000:]
            held, files = expected(worker), delivered(worker)
            for name in KEYS:
                assert files[name].keys() == held[name].keys(), f"round {round_number}, {name}"
                wrong = {
                    key: (files[name][key], confidence)
                    for key, (_, confidence) in held[name].items()
                    if files[name][key] != ("" if confidence is None else str(confidence))
                }
                assert not wrong, f"round {round_number}, {name}: {dict(list(wrong.items())[:3])}"
