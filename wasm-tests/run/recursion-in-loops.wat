;;! invoke: f
;; Functions that call themselves, and one another, in their loops: activations are in the middle of a loop while others
;; begin, and while code that is entered at the loop comes to be.
(module
  (memory 1)
  ;; The number of nodes of a tree whose nodes have as many children as their distance from the leaves.
  (func $nodes (param $height i32) (result i32) (local $child i32) (local $sum i32)
    (local.set $sum (i32.const 1))
    (if (local.get $height)
      (then
        (loop $next
          (local.set $sum (i32.add (local.get $sum) (call $nodes (i32.sub (local.get $height) (i32.const 1)))))
          (br_if $next (i32.lt_u (local.tee $child (i32.add (local.get $child) (i32.const 1))) (local.get $height))))))
    (local.get $sum))

  ;; The same by two functions that take turns, which leave a trace in memory.
  (func $even (param $height i32) (result i32) (local $child i32) (local $sum i32)
    (local.set $sum (i32.const 1))
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get $height)))
    (loop $next
      (if (i32.lt_u (local.get $child) (local.get $height))
        (then
          (local.set $sum (i32.add (local.get $sum) (call $odd (i32.sub (local.get $height) (i32.const 1)))))
          (local.set $child (i32.add (local.get $child) (i32.const 1)))
          (br $next))))
    (local.get $sum))
  (func $odd (param $height i32) (result i32) (local $child i32) (local $sum i32)
    (local.set $sum (i32.const 1))
    (loop $next
      (if (i32.lt_u (local.get $child) (local.get $height))
        (then
          (local.set $sum (i32.add (local.get $sum) (call $even (i32.sub (local.get $height) (i32.const 1)))))
          (local.set $child (i32.add (local.get $child) (i32.const 1)))
          (br $next))))
    (local.get $sum))

  (func (export "f") (result i32 i32 i32)
    (call $nodes (i32.const 7)) (call $even (i32.const 7)) (i32.load (i32.const 8))))

;; 13700
;; 13700
;; 7777
