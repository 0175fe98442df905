"""Takes the topic of attack and hit documents, gives search stores that hold them; one writer and one consumer group for each store."""
