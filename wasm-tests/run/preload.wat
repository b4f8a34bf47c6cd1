;;! options: --preload math=lib/add.wat
;;! invoke: f
(module
  (import "math" "add" (func $add (param i32 i32) (result i32)))
  (func (export "f") (result i32) (call $add (i32.const 40) (i32.const 2))))

;; 42
