//! Reads an object back: text, relocations, sites. Trusts nothing in it: an object may come from a file.

use super::write::RelocKind;
use latier_runtime::{handlers, sites};
use object::elf;
use object::endian::LittleEndian as LE;
use object::read::SymbolIndex;
use object::read::elf::{FileHeader, Rela, SectionHeader, Sym, SymbolTable};

type Header = elf::FileHeader64<LE>;

/// An object, read.
#[derive(Debug)]
pub struct Object<'a> {
    /// The machine code.
    pub text: &'a [u8],
    /// What `text` is aligned to, in bytes.
    pub align: u64,
    /// The encoded sites; empty when the object has none.
    pub sites: &'a [u8],
    /// The encoded handlers; empty when the object has none.
    pub handlers: &'a [u8],
    /// The relocations of the text, in the order of the file.
    pub relocations: Vec<Relocation>,
    symbols: SymbolTable<'a, Header>,
}

impl<'a> Object<'a> {
    /// How many symbols there are.
    pub fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// The name of the symbol with this number.
    ///
    /// # Errors
    /// When there is none, or its name is malformed.
    pub fn name(&self, symbol: usize) -> Result<&'a str, String> {
        let symbol = self.symbols.symbol(SymbolIndex(symbol)).map_err(|e| e.to_string())?;
        let name = symbol.name(LE, self.symbols.strings()).map_err(|e| e.to_string())?;
        std::str::from_utf8(name).map_err(|e| e.to_string())
    }
}

/// One relocation of an object.
#[derive(Clone, Copy, Debug)]
pub struct Relocation {
    /// Bytes from the start of the text.
    pub offset: u64,
    /// How it is computed.
    pub kind: RelocKind,
    /// Number of the symbol it refers to, one of the object's.
    pub symbol: usize,
    /// The constant to add.
    pub addend: i64,
}

/// Reads a relocatable x86-64 ELF file.
///
/// # Errors
/// When it is not one, is cut short, or holds a kind of relocation that no compiler of ours emits.
pub fn parse(data: &[u8]) -> Result<Object<'_>, String> {
    read(data).map_err(|e| format!("not an object of ours: {e}"))
}

fn read(data: &[u8]) -> Result<Object<'_>, Error> {
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    if header.e_machine(endian) != elf::EM_X86_64 || header.e_type(endian) != elf::ET_REL {
        return Err(Error("not a relocatable file for x86-64".into()));
    }
    let sections = header.sections(endian, data)?;
    let (mut text, mut sites, mut handlers, mut symbols) = (None, &[][..], &[][..], None);
    for (index, section) in sections.enumerate() {
        match section.sh_type(endian) {
            elf::SHT_SYMTAB => {
                symbols = Some(SymbolTable::parse(endian, data, &sections, index, section)?);
            }
            elf::SHT_PROGBITS => match sections.section_name(endian, section)? {
                b".text" => text = Some((index, section)),
                name if name == sites::SECTION.as_bytes() => sites = section.data(endian, data)?,
                name if name == handlers::SECTION.as_bytes() => handlers = section.data(endian, data)?,
                _ => {}
            },
            _ => {}
        }
    }
    let (text_index, text_section) = text.ok_or_else(|| Error("it has no .text".into()))?;
    let text = text_section.data(endian, data)?;
    let symbols: SymbolTable<'_, Header> = symbols.unwrap_or_default();
    let mut relocations = Vec::new();
    for (_, section) in sections.enumerate() {
        let Some((relas, _)) = section.rela(endian, data)? else { continue };
        if section.info_link(endian) != text_index {
            continue;
        }
        relocations.reserve_exact(relas.len());
        for rela in relas {
            let kind = rela.r_type(endian, false);
            let (kind, _) = RelocKind::TABLE
                .into_iter()
                .find(|(_, number)| *number == kind)
                .ok_or_else(|| Error(format!("relocation type {} is unknown", kind.0)))?;
            let index =
                rela.symbol(endian, false).ok_or_else(|| Error("a relocation has no symbol".into()))?;
            if index.0 >= symbols.len() {
                return Err(Error(format!("there is no symbol {}", index.0)));
            }
            relocations.push(Relocation {
                offset: rela.r_offset(endian),
                kind,
                symbol: index.0,
                addend: rela.r_addend(endian),
            });
        }
    }
    Ok(Object { text, align: text_section.sh_addralign(endian), sites, handlers, relocations, symbols })
}

struct Error(String);

impl From<object::read::Error> for Error {
    fn from(e: object::read::Error) -> Error {
        Error(e.to_string())
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::symbol::SymbolName;
    use crate::object::write::{self, Target, Writer};

    #[test]
    fn what_is_written_is_read_back() {
        let target = |kind, ordinal| Target::Symbol(SymbolName { kind, ordinal });
        let relocation = |offset, kind, target, addend| write::Relocation { offset, kind, target, addend };
        let object = Writer::default().object(
            &[0x90; 40],
            16,
            &[
                relocation(3, RelocKind::GotPcRel, target("func", 0), -4),
                relocation(11, RelocKind::GotPcRel, target("global", 1), -4),
                relocation(19, RelocKind::GotPcRel, target("func", 0), -4),
                relocation(24, RelocKind::Abs8, Target::Libcall("ceilf32"), 7),
            ],
            &[1, 2, 3],
            &[4; 20],
        );
        let read = parse(&object).expect("it is well-formed");
        assert_eq!((read.text, read.align, read.sites), (&[0x90; 40][..], 16, &[1, 2, 3][..]));
        assert_eq!(read.handlers, [4; 20]);
        let names: Vec<_> = read
            .relocations
            .iter()
            .map(|r| (r.offset, r.kind, read.name(r.symbol).unwrap(), r.addend))
            .collect();
        assert_eq!(
            names,
            [
                (3, RelocKind::GotPcRel, "func.0", -4),
                (11, RelocKind::GotPcRel, "global.1", -4),
                (19, RelocKind::GotPcRel, "func.0", -4),
                (24, RelocKind::Abs8, "ceilf32", 7),
            ]
        );
        for cut in 0..object.len() {
            // Neither must panic.
            if let Ok(object) = parse(&object[..cut]) {
                object.relocations.iter().for_each(|r| drop(object.name(r.symbol)));
            }
        }
    }
}
