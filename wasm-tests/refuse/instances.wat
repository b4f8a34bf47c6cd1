;;! features: max-instances=1
;;! options: --preload lib=../run/lib/add.wat
(module (func (export "_start")))

;; stderr: error: instances.wat: more than 1 instances
;; exit: 1
