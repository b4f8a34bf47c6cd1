;; A function without a name is shown by its index, and a trap in a start function is a trap.
(module
  (func (unreachable))
  (func $start (call 0))
  (start $start))
