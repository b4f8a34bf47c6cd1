;;! options: --dir no-such-directory
(module (func (export "_start")))
