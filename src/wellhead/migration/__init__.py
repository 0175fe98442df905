"""Takes two search stores, gives the documents of one in the other and the proof that they are the same; asks no vendor."""
