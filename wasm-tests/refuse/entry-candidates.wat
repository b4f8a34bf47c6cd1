(module
  (func (export "a")) (func (export "b")) (func (export "c")) (func (export "d")) (func (export "e"))
  (func (export "f")) (func (export "g")) (func (export "h")) (func (export "i")) (memory (export "j") 1))

;; stderr: error: entry-candidates.wat: no `_start` to run; `--invoke NAME` calls another export; it exports `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and 1 more
;; exit: 1
