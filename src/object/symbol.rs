//! What a compiled body refers to outside itself. Code holds no module-wide index and no offset that depends on the
//! module: it refers to symbols by *ordinal*, the place in the body's own list of symbols, in the order of their
//! first use. So equal bodies give equal objects, in whatever module they lie; the linker is told what each means.

use std::fmt;

/// Something a body refers to. All but [`Symbol::Func`] are numbers, absolute symbols in ELF's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// A defined function, to call it: its slot is the symbol's GOT entry, its code the symbol itself.
    Func(u32),
    /// Address of the slot of a defined function, to compare it.
    Slot(u32),
    /// Offset in the vmctx of an imported function's `VmFuncImport`.
    FuncImport(u32),
    /// Index of a function, for `ref.func`.
    FuncIndex(u32),
    /// Offset in the vmctx of a global (imported: of the pointer to it).
    Global(u32),
    /// Offset in the vmctx of the pointer to a memory.
    Memory(u32),
    /// Offset in the vmctx of the pointer to a table.
    Table(u32),
    /// Engine-wide identity of a type, by type index.
    Type(u32),
    /// Index of a data segment.
    Data(u32),
    /// Index of an element segment.
    Elem(u32),
    /// Offset in the vmctx of the pointer to a tag.
    Tag(u32),
}

impl Symbol {
    /// The word that starts the symbol's name in an object.
    pub fn kind(self) -> &'static str {
        match self {
            Symbol::Func(_) => "func",
            Symbol::Slot(_) => "slot",
            Symbol::FuncImport(_) => "import",
            Symbol::FuncIndex(_) => "funcindex",
            Symbol::Global(_) => "global",
            Symbol::Memory(_) => "memory",
            Symbol::Table(_) => "table",
            Symbol::Type(_) => "type",
            Symbol::Data(_) => "data",
            Symbol::Elem(_) => "elem",
            Symbol::Tag(_) => "tag",
        }
    }
}

/// The symbols of one body, in the order of their first use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolList(Vec<Symbol>);

impl SymbolList {
    /// The ordinal of `symbol`, which is added if it is new.
    pub fn ordinal(&mut self, symbol: Symbol) -> u32 {
        let at = self.0.iter().position(|s| *s == symbol).unwrap_or_else(|| {
            self.0.push(symbol);
            self.0.len() - 1
        });
        at as u32
    }

    /// The symbol with this ordinal.
    pub fn get(&self, ordinal: u32) -> Option<Symbol> {
        self.0.get(ordinal as usize).copied()
    }

    /// The symbols, by ordinal.
    pub fn iter(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Symbol> for SymbolList {
    /// The list of these symbols, which are distinct, in this order.
    fn from_iter<T: IntoIterator<Item = Symbol>>(symbols: T) -> SymbolList {
        SymbolList(symbols.into_iter().collect())
    }
}

/// A symbol's name in an object: its kind and its ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SymbolName {
    /// What it is.
    pub kind: &'static str,
    /// Which of its body's symbols.
    pub ordinal: u32,
}

impl SymbolName {
    /// Appends the name to `text`, as [`fmt::Display`] writes it.
    pub fn push_to(&self, text: &mut String) {
        text.push_str(self.kind);
        text.push('.');
        let (mut digits, mut rest, mut first) = ([0; 10], self.ordinal, 10);
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        digits[first..].iter().for_each(|digit| text.push(char::from(*digit)));
    }
}

impl fmt::Display for SymbolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.push_to(&mut text);
        f.write_str(&text)
    }
}
