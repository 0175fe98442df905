"""Takes snapshots of gateways' connections and their access logs, gives what floods them; asks no gateway."""
