;;! options: -W preset=v1 --validation eager
(module (func (export "_start") (drop (i32.extend8_s (i32.const 1)))))

;; stderr: error: failed to load `feature-off.wat`: sign extension operations support is not enabled; needs `-W sign-extension` (at offset 0x25)
;; exit: 1
