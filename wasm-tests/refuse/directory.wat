;;! file: .
