;;! features: fuel=1000
(module $fuel
  (global $n (mut i32) (i32.const 0))
  (func $work (global.set $n (i32.add (global.get $n) (i32.const 1))))
  (func $main (export "_start") (loop $again (call $work) (br $again))))

;; stderr: Error: all fuel consumed
;; stderr: wasm backtrace:
;; stderr:     0:     0x36 - fuel!main
;; exit: 134
