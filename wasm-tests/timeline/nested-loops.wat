;;! options: --tier-up stepped=3
;;! invoke: cells 4 4
;; The inner loop is met first, and left in its third round; the body made for it holds the outer loop, too.
(module
  (func $cells (export "cells") (param $rows i32) (param $columns i32) (result i32)
    (local $column i32) (local $cells i32)
    (loop $row
      (local.set $column (local.get $columns))
      (loop $cell
        (local.set $cells (i32.add (local.get $cells) (i32.const 1)))
        (local.set $column (i32.sub (local.get $column) (i32.const 1)))
        (br_if $cell (local.get $column)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows)))
    (local.get $cells)))

;; 16
;; stderr: created     1 functions
;; stderr: first call  f0 (cells)
;; stderr: compiled    f0 (cells) baseline
;; stderr: redirected  f0 (cells) baseline
;; stderr: hot         f0 (cells) at 0x9
;; stderr: compiled    f0 (cells) at 0x9 optimized
;; stderr: entered     f0 (cells) at 0x9
