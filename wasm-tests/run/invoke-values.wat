;;! invoke: f i32x4:1,2,3,4 -nan:0x1 0x1p-1 null
(module
  (func (export "f") (param v128 f32 f64 externref) (result i32 v128 f32 f64 externref funcref)
    (i32.const -1) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (ref.null func)))

;; -1
;; 0x00000004000000030000000200000001
;; -nan:0x1
;; 0.5
;; null externref
;; null funcref
