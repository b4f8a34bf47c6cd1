;;! options: --dir no-such-directory
(module (func (export "_start")))

;; stderr: error: no-such-directory: No such file or directory (os error 2)
;; exit: 1
