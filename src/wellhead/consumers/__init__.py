"""Takes committed records of a topic, gives what people look things up in; asks no vendor, writes no record topic."""
