(module (func (export "f")))

;; stderr: error: no-entry.wat: no `_start` to run; `--invoke NAME` calls another export; it exports `f`
;; exit: 1
