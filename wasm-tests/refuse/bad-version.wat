(module binary "\00asm\02\00\00\00")

;; stderr: error: failed to load `bad-version.wat`: unknown binary version: 0x2 (at offset 0x4)
;; exit: 1
