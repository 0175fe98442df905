"""Takes the installed sources that have a simulator, gives proof on this machine that each is pulled once; knows no vendor."""
