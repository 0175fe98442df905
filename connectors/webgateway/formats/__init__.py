"""Takes lines of web gateways in the formats they write, gives Arrow columns; one module for each step on the way."""
