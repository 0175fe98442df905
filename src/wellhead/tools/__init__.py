"""One file is one `wellhead` verb: takes command-line words, gives a plan or an answer, never holds logic another room needs."""
