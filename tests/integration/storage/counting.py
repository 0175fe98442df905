"""A worker process that counts a connector's config up, N times, and ends."""

import sys

from wellhead.config.worker import WorkerSettings
from wellhead.kafka import settings
from wellhead.storage.configs import ConfigView, connector_message
from wellhead.storage.configtopic import ConfigTopic
from wellhead.storage.tail import TopicTail
from wellhead.storage.writer import ConfigWriter, shared_producer


def main(bootstrap_servers: str, group_id: str, topic: str, times: str) -> None:
    worker = WorkerSettings(
        group_id=group_id,
        kafka={"bootstrap.servers": bootstrap_servers},
        schema_registry={"url": "http://127.0.0.1:1"},
        config_storage_topic=topic,
    )
    configs = ConfigTopic()
    tail = TopicTail(settings.consumer_config(worker), {topic: configs.fold})
    tail.start()
    writer = ConfigWriter(shared_producer(worker), configs, lambda secs: tail.caught_up(topic, secs), topic=topic)

    def next_count(view: ConfigView):
        held = view.connectors.get("c")
        count, version = (0, 0) if held is None else (int(held.config["count"]), held.version)
        return [connector_message(topic, "c", {"count": str(count + 1)}, version + 1)]

    for _ in range(int(times)):
        writer.change(next_count, secs=60)
    writer.close()
    tail.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
