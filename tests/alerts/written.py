"""Gives the rules as they are written, and the programs that check them."""

from pathlib import Path

import yaml
from system_program import install_line, system_program

from wellhead.telemetry.reference import rows

ROOT = Path(__file__).parents[2]
TARGET_LABELS = {"job", "instance", "namespace"}
"""Labels that the scrape gives to every series."""
INSTALL = install_line("prometheus", "prometheus")


def rule_files():
    return sorted((ROOT / "helm/wellhead/alerts").glob("*.yaml"))


def rules(kind):
    """Give the rules of all files that are a `kind`: alert or record."""
    groups = [group for path in rule_files() for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def tool(name):
    """Give the path of a program of the Debian package; None where it is missing, which is told, and fails in CI."""
    return system_program(name, "prometheus")


def known_series():
    """Give the labels of every series of the metrics page by its name, and of what the rules record."""
    known = {}
    for row in rows():
        labels = {label.replace(".", "_") for label in row.attributes}
        if row.kind == "histogram":
            known |= {f"{row.prometheus}_{suffix}": labels for suffix in ("sum", "count")}
            known[f"{row.prometheus}_bucket"] = labels | {"le"}
        else:
            known[row.prometheus] = labels
        if row.prometheus.startswith("kafka_"):  # where several tenants share a task's number
            known[row.prometheus] = labels | {"wellhead_stream", "wellhead_tenant"}
    return known | {rule["record"]: set() for rule in rules("record")}
