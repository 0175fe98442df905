"""Gives what a group of workers keeps in Kafka: configs, states, cursors and their history, in Connect's formats."""
