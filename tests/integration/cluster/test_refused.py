"""A member without rights on the group: it says once what is missing, waits, and joins when it is granted."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from members import Members

from wellhead.stack import KafkaOptions, Stack

# Everyone may do everything until a test denies it.
GUARDED = KafkaOptions(
    properties={
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
)


@pytest.fixture
def members(unique: str, tmp_path: Path) -> Iterator[Members]:
    with Stack.start(registry=False, kafka=GUARDED) as running:
        made = Members(running.bootstrap_servers, unique, tmp_path)
        yield made
        made.end()


def troubles(member) -> list[dict]:
    return [line for line in member.said() if line["event"] == "membership_troubled"]


def test_missing_rights_are_told_once_and_waited_for(members):
    """Denied the group, a member owns nothing and says once what to grant; granted, it joins by itself."""
    members.make_topics(3)
    admin = AdminClient({"bootstrap.servers": members.bootstrap_servers})
    group = (ResourceType.GROUP, f"{members.prefix}group", ResourcePatternType.LITERAL)
    denied = (*group, "User:ANONYMOUS", "*", AclOperation.READ, AclPermissionType.DENY)
    for future in admin.create_acls([AclBinding(*denied)]).values():
        future.result()
    one = members.join()
    members.until(lambda: troubles(one), "the member says what is missing")
    time.sleep(5)  # for the client to try again some times
    one.send("state")
    members.until(lambda: one.told("state"), "its state")
    state = one.told("state")[-1]
    assert state["owned"] == []
    assert "Read on the group" in state["problem"]
    for future in admin.delete_acls([AclBindingFilter(*denied)]).values():
        future.result()
    members.until_spread(3, one)
    assert len(troubles(one)) == 1
    one.send("state")
    members.until(lambda: one.told("state")[-1]["owned"] == [0, 1, 2], "its state")
    assert one.told("state")[-1]["problem"] is None
