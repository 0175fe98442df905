"""Gives outside authors what Wellhead tests itself with; never imported by a running worker."""
