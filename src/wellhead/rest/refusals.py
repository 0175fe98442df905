"""Takes what was asked for, gives Kafka Connect's refusal in its own words and status; never raises it."""

from __future__ import annotations

from collections.abc import Sequence

from wellhead.rest.contract import ApiError


def connector_not_found(name: str) -> ApiError:
    """Of nearly every call."""
    return ApiError(404, f"Connector {name} not found")


def unknown_connector(name: str) -> ApiError:
    """Of pause, resume and stop."""
    return ApiError(404, f"Unknown connector {name}")


def no_connector_to_restart(name: str) -> ApiError:
    """Of restart."""
    return ApiError(404, f"Unknown connector: {name}")


def no_task_to_restart(name: str, task: int) -> ApiError:
    """Of a task's restart."""
    return ApiError(404, f"Unknown task: {name}-{task}")


def no_status(name: str) -> ApiError:
    """Of status."""
    return ApiError(404, f"No status found for connector {name}")


def no_task_status(name: str, task: int) -> ApiError:
    """Of a task's status."""
    return ApiError(404, f"No status found for task {name}-{task}")


def exists(name: str) -> ApiError:
    """Of create."""
    return ApiError(409, f"Connector {name} already exists")


def no_version(name: str, version: int) -> ApiError:
    """Of rollback; Connect has none."""
    return ApiError(
        404, f"Connector {name} has no version {version}; GET /connectors/{name}/versions lists those that are kept"
    )


def not_stopped(name: str) -> ApiError:
    """Of a change of offsets while the connector may still move them."""
    return ApiError(
        400,
        "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified "
        f"connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint",
    )


def no_offsets_given() -> ApiError:
    """Of a change of offsets that names none."""
    return ApiError(400, "Partitions / offsets need to be provided for an alter offsets request")


def unknown_plugin(plugin: str) -> ApiError:
    """Of a plug-in's definitions."""
    return ApiError(404, f"Unknown plugin {plugin}.")


def no_class(wanted: str, known: Sequence[str]) -> ApiError:
    """Of a configuration whose class nobody offers."""
    return ApiError(
        400,
        f"Failed to find any class that implements Connector and which name matches {wanted}, available connectors are: "
        + (", ".join(known) or "none"),
    )


def no_class_given(name: str) -> ApiError:
    """Of a configuration without a class; Connect prints the configuration, secrets and all, which we do not."""
    return ApiError(400, f"Connector config of {name or 'the connector'} contains no connector type")


def other_class(given: str, asked: str) -> ApiError:
    """Of a validation whose configuration is for another class than its address."""
    return ApiError(400, f"Included connector type {given} does not match request type {asked}")


def other_name(given: str, asked: str) -> ApiError:
    """Of a configuration with a name beside that in the address or the body."""
    return ApiError(400, f"Connector name configuration ({given}) doesn't match connector name in the URL ({asked})")


def invalid(errors: Sequence[str]) -> ApiError:
    """Of a configuration with errors, each told in a line."""
    lines = [f"Connector configuration is invalid and contains the following {len(errors)} error(s):", *errors]
    where = "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
    return ApiError(400, "\n".join([*lines, where]))


def logger_not_found(name: str) -> ApiError:
    """Of a logger nobody has."""
    return ApiError(404, f"Logger {name} not found.")


def invalid_level(level: str) -> ApiError:
    """Of a level there is not."""
    return ApiError(404, f"invalid log level '{level}'.")
