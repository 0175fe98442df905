"""Turns Arrow batches into Confluent-framed Avro and back, row by row only where it must; knows no Kafka and no vendor."""
