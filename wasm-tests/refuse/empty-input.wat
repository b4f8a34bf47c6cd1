;;! file: -
