"""Takes encoded records and cursors, gives exactly-once Kafka transactions and read-committed reads, never knows a vendor or a schema.

Everything here blocks; the runtime calls it from one dedicated thread per task. Import the module that is needed, there is
nothing to import from the package itself, so that `import wellhead` stays light.
"""
