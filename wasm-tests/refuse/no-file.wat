;;! file:
