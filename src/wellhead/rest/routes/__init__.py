"""Takes the cluster a request is for, gives each path of the API its answer; never decides what a cluster does."""
