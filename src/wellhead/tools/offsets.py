"""Takes `wellhead offsets`, gives its subcommands; never changes a cursor by itself."""

from __future__ import annotations

from typing import Any

import click

from wellhead.recovery.errors import Refused
from wellhead.tools.offsets_apply import apply, undo
from wellhead.tools.offsets_backfill import backfill, backfills
from wellhead.tools.offsets_exchange import export, import_
from wellhead.tools.offsets_groups import groups
from wellhead.tools.offsets_log import diff, log
from wellhead.tools.offsets_open import EXIT_REFUSED
from wellhead.tools.offsets_plan import plan
from wellhead.tools.offsets_show import list_, show


class Refusing(click.Group):
    """A group whose refusals have an exit code of their own."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; a refusal ends with 3."""
        try:
            return super().invoke(ctx)
        except Refused as refused:
            click.echo(f"refused: {refused}", err=True)
            ctx.exit(EXIT_REFUSED)


@click.group(cls=Refusing)
def offsets() -> None:
    r"""See, move and restore the cursors of connectors.

    Works straight against Kafka with -c, and through a running worker with --url. Nothing is changed unless it is planned and applied,
    and every change can be undone. Exit codes: 0 done, 1 failed, 2 the command line or configuration is wrong, 3 refused: something moved,
    or --yes is needed.

    \b
    Examples:
      wellhead offsets list -c worker.yaml
      wellhead offsets plan wss-acme --to-datetime 2026-05-01T00:00Z -c worker.yaml
      wellhead offsets plan wss-acme --shift -2h -c worker.yaml --output json > plan.json
      wellhead offsets apply plan.json -c worker.yaml
      wellhead offsets undo wss-acme -c worker.yaml
      wellhead offsets backfill wss-acme --from 2026-05-01 --to 2026-05-02 --url http://127.0.0.1:8083
    """


for command in (list_, show, plan, apply, undo, log, diff, export, import_, groups, backfill, backfills):
    offsets.add_command(command)
