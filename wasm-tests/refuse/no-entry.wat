(module (func (export "f")))

;; stderr: error: no-entry.wat: it exports no `_start`; `--invoke NAME` calls another export
;; exit: 1
