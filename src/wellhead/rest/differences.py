"""Gives every deliberate difference between this API and Kafka Connect's, each with its reason; never one that is not tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Difference:
    """One deliberate difference.

    Attributes:
        key: Its name, by which the recorded exchanges of a real Connect refer to it.
        connect: What Connect does.
        ours: What this API does.
        why: The reason.
    """

    key: str
    connect: str
    ours: str
    why: str


DIFFERENCES: Final = (
    Difference(
        "secrets",
        "Answers hold every word of a configuration as it was sent, passwords included; an error may print the whole of it.",
        "Secrets are `******`, references stand as they were written, errors name words only. Sent back, `******` keeps the secret.",
        "Who may look need not know.",
    ),
    Difference(
        "client-mistakes",
        "500 for a body that is no JSON, an unknown field, an unknown initial state, an offset that cannot be, a validation of an unknown class.",
        "400, saying which field.",
        "It is the sender's to mend: trying again is of no use, and an alert on 5xx should mean the worker.",
    ),
    Difference(
        "error-words",
        "An unreadable number is two errors, the second about the null it became.",
        "One error, in the same form: `Invalid value x for configuration w: what it must be`.",
        "One mistake, one line.",
    ),
    Difference(
        "unknown-words",
        "Words that no connector knows are passed over.",
        "They are errors, with the word that was probably meant, or with what replaces a word of Connect's.",
        "A misspelt option would otherwise be off without anybody knowing.",
    ),
    Difference(
        "java",
        "Messages list the classes that there are with their jars.",
        "They list their names.",
        "There are no jars.",
    ),
    Difference(
        "plugins",
        "Sinks, sources; with `connectorsOnly=false` converters, transformations and predicates.",
        "Sources, under their own names, which aliases such as `<Name>SourceConnector` find, too; then transforms and predicates.",
        "There are no sinks, and the one serialisation is Avro.",
    ),
    Difference(
        "definitions",
        "Options of a connector have no group; those of all connectors are Connect's.",
        "Options of a connector are grouped under its title, those of all connectors are Wellhead's; whatever can be chosen is recommended.",
        "Forms are made of this.",
    ),
    Difference(
        "task-words",
        "A task's configuration is its connector's, secrets included, and its class.",
        "Secrets are `******`, and it also says which tenant and streams the task reads.",
        "That is what tells it from its siblings.",
    ),
    Difference(
        "failures",
        "A connector can fail beside its tasks.",
        "What can be wrong with a connector as a whole is refused when it is made; what fails later is a task.",
        "There is no code of a connector's own that could run beside its tasks.",
    ),
    Difference(
        "loggers",
        "Java's loggers, by class.",
        "Wellhead's, by room: `wellhead`, `wellhead.kafka` and so on.",
        "Those are the ones there are.",
    ),
    Difference(
        "names",
        "A name may hold anything; one with a slash can be made, but never be asked for again.",
        "A name has no spaces, slashes or control characters; an encoded slash in a path is 400 as JSON.",
        "What can be made must be deletable.",
    ),
    Difference(
        "told-as-json",
        "404, 405 and 415 of the server itself are JSON without a content type.",
        "They say `application/json`; 405 also says which methods there are.",
        "Some clients read the content type first.",
    ),
    Difference(
        "more-told",
        "A cursor is partition and offset; health is status and message.",
        "Beside them stand a cursor's age and history, and each task's health.",
        "On call, these are the next two questions.",
    ),
    Difference(
        "strict-parameters",
        "A parameter nobody knows, or a truth value that is none, is passed over.",
        "400 for such a truth value, and for an unknown parameter where something is deleted or cursors move.",
        "A misspelt `dryRun` must not become the deed.",
    ),
    Difference(
        "no-rebalance",
        "409 while the group rebalances; some requests are forwarded to the leader.",
        "Any worker answers any request at any time; there is no leader and nothing is forwarded.",
        "Changes are made by compare-and-set, so that none is lost.",
    ),
    Difference(
        "internal-paths",
        "`POST /connectors/{name}/tasks` and `PUT /connectors/{name}/fence` serve other workers.",
        "404 or 405.",
        "Workers speak through Kafka alone.",
    ),
    Difference(
        "initial-offsets",
        "A new connector starts where an old one of its name stopped.",
        "The same, unless `initial_offsets` in the request says where each cursor is to stand.",
        "A connector that moves house takes its cursors along in one request.",
    ),
    Difference(
        "limits",
        "Bodies and requests are not bounded.",
        "413 beyond `rest.max.body.bytes`, 429 beyond `rest.max.requests.per.sec` of one address.",
        "The tasks share the process with whoever asks.",
    ),
    Difference(
        "access",
        "Open on every interface unless an extension is installed.",
        "Open on this machine only; beyond it https with passwords, tokens or certificates, each with a role. "
        "Asked without them under a name that is not this machine's, it refuses, and so it does writes from another site's page.",
        "The API holds the keys to every vendor.",
    ),
)
ADDITIONS: Final = (
    ("`?dryRun=true` on `PATCH` and `DELETE /connectors/{name}/offsets`", "Tells what would change."),
    ("`?offsets=delete` on `DELETE /connectors/{name}`", "Deletes the cursors, too."),
    ("`GET /connectors/{name}/explain`", "Owner, cursors, freshness, quota, last error, what to do now."),
    ("`GET /connectors/{name}/runs`, `/dead-letters`", "The newest of each."),
    ("`GET /connectors/{name}/versions`, `PUT /connectors/{name}/rollback?version=`", "The configuration's history, and back."),
    ("`GET /ready`, `/live`, `/metrics`", "For probes and Prometheus; like `/health` open to everybody."),
    ("`GET /openapi.json`, `/docs`", "What this API is, for programs and for people."),
)
