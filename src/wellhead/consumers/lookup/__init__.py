"""Takes a topic of keyed records, gives lookup files that hold the newest of each key; asks no vendor."""
