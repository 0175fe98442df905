"""Sentinel sets fail over with their data, clusters serve every slot."""

from redis.backoff import ConstantBackoff
from redis.cluster import ClusterNode
from redis.cluster import RedisCluster as ClusterClient
from redis.retry import Retry
from redis.sentinel import Sentinel

from wellhead.stack import RedisCluster, RedisSentinels, SentinelOptions

KEYS = 60


def test_master_killed_by_sigkill_is_replaced_with_its_data():
    """The replica had its copy before the set was handed out: no key is lost, the old master comes back as replica."""
    options = SentinelOptions(name="attacks", password='pass "word', sentinel_password="other word")
    with RedisSentinels(options) as servers:
        sentinel = Sentinel(
            [("127.0.0.1", found.port) for found in servers.sentinels],
            sentinel_kwargs={"password": options.sentinel_password},
            password=options.password,
        )
        client = sentinel.master_for("attacks", retry=Retry(ConstantBackoff(0.1), 300))
        client.set("key", "value")
        assert client.wait(1, 60_000) == 1
        pid = servers.master_pid

        old = servers.kill_master()
        new = servers.wait_failover(old)

        assert client.get("key") == b"value"
        client.set("key", "later")
        old.restart()
        servers.wait_whole()
        assert new.pid not in {None, pid}
        assert len(servers.sentinels) == 3
        assert servers.url == f"redis+sentinel://{','.join(f'127.0.0.1:{found.port}' for found in servers.sentinels)}/attacks/0"
        assert client.get("key") == b"later"
        client.close()
        for found in sentinel.sentinels:
            found.close()


def test_cluster_serves_every_slot_after_a_kill(redis_cluster: RedisCluster):
    """Keys lie on every node, and those of a killed one are there again after its restart."""
    nodes = [ClusterNode("127.0.0.1", server.port) for server in redis_cluster.servers]
    with ClusterClient(startup_nodes=nodes) as client:
        for number in range(KEYS):
            client.set(f"key-{number}", number)
        owners = {client.get_node_from_key(f"key-{number}").port for number in range(KEYS)}

        redis_cluster.kill(2)
        redis_cluster.restart(2)

        assert owners == {server.port for server in redis_cluster.servers}
        assert [int(client.get(f"key-{number}")) for number in range(KEYS)] == list(range(KEYS))
        assert redis_cluster.url == "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
