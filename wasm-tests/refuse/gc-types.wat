;;! options: -W gc
(module (type (struct)) (func (export "_start")))

;; stderr: error: failed to load `gc-types.wat`: GC types are not supported yet: a type that is not of functions (at offset 0xb)
;; exit: 1
