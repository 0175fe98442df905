"""Takes a store or a topic and a store, copies documents from one to the other in slices that many processes share; never overwrites a newer one."""
