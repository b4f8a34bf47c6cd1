(module binary "\00asm\01\00\00\00" "\01\05\01\60\00\02\7f")

;; stderr: error: failed to load `bad-section.wat`: unexpected end-of-file (at offset 0xf)
;; exit: 1
