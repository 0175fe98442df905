"""Takes hits from a topic, gives the attacks they belong to: in Redis at once, on topics for everyone, in search stores to be found."""
