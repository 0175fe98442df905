"""Takes a deployment, gives running tasks: poll, transform, encode, produce, commit; knows Kafka's words and no vendor."""
