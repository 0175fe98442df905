"""Takes the address of a search store, gives bulk writes and paged reads in the words of its product and version; knows nothing of what is stored."""
