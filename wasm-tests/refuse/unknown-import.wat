(module
  (import "nowhere" "nothing" (func))
  (func (export "_start")))
