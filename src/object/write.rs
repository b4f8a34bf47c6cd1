//! Writes one compiled body as a relocatable ELF file. Knows the format and nothing of what the symbols mean.
//!
//! ```text
//!  Ehdr │ .text │ .rela.text │ .symtab │ .strtab │ .shstrtab │ sites │ section headers × 7
//! ```
//! Every structure is laid out by the `object` crate's ELF types; the file is built in one buffer in one pass, since
//! a body is compiled into an object in every run of every program.

use super::symbol::SymbolName;
use latier_runtime::{handlers, sites};
use object::elf;
use object::endian::LittleEndian as LE;
use object::pod::bytes_of;

/// How a relocated place is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocKind {
    /// `G + A - P`: 32-bit distance to the symbol's GOT entry, in `mov r64, [rip + …]`, which may be relaxed
    /// (`R_X86_64_REX_GOTPCRELX`).
    GotPcRel,
    /// `L + A - P`: 32-bit distance to the symbol (`R_X86_64_PLT32`).
    CallPcRel,
    /// `S + A`: the symbol's 64-bit value (`R_X86_64_64`).
    Abs8,
}

impl RelocKind {
    pub(super) const TABLE: [(RelocKind, elf::RelocationType); 3] = [
        (RelocKind::GotPcRel, elf::R_X86_64_REX_GOTPCRELX),
        (RelocKind::CallPcRel, elf::R_X86_64_PLT32),
        (RelocKind::Abs8, elf::R_X86_64_64),
    ];
}

/// What a relocation refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One of the body's symbols.
    Symbol(SymbolName),
    /// A function of the executor that stands in for a missing instruction, by Cranelift's name for it.
    Libcall(&'static str),
}

/// One relocation of the text.
#[derive(Clone, Copy, Debug)]
pub struct Relocation {
    /// Bytes from the start of the text.
    pub offset: u32,
    /// How it is computed.
    pub kind: RelocKind,
    /// What it refers to.
    pub target: Target,
    /// The constant to add.
    pub addend: i64,
}

/// Section numbers, in the order of their headers.
const TEXT: u16 = 1;
const SYMTAB: u32 = 3;
const STRTAB: u32 = 4;
const SHSTRTAB: u16 = 5;
/// Sections of an object without handlers.
const SECTIONS: u16 = 7;

type Symbol = elf::Sym64<LE>;
type Section = elf::SectionHeader64<LE>;

/// Where each part of the file landed.
struct Part {
    offset: usize,
    size: usize,
}

struct File(Vec<u8>);

impl File {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn part(&mut self, align: usize, bytes: &[u8]) -> Part {
        self.align(align);
        let offset = self.0.len();
        self.0.extend_from_slice(bytes);
        Part { offset, size: bytes.len() }
    }
}

/// Writes objects, and keeps what it allocates for the next.
#[derive(Debug, Default)]
pub struct Writer {
    symbols: Vec<u8>,
    strings: String,
    relas: Vec<u8>,
    /// Numbers in the symbol table of the body's symbols, by ordinal; 0 for those that have none yet.
    numbers: Vec<u32>,
    libcalls: Vec<(&'static str, u32)>,
}

impl Writer {
    /// The object file of one body: its code (aligned to `align` bytes), its relocations, its sites
    /// ([`latier_runtime::sites`]), and its handlers ([`latier_runtime::handlers`]), if it has any.
    pub fn object(
        &mut self,
        code: &[u8],
        align: u32,
        relocations: &[Relocation],
        sites: &[u8],
        handlers: &[u8],
    ) -> Vec<u8> {
        self.tables(code.len(), relocations);
        let Writer { symbols, strings, relas, .. } = self;
        file(code, align, [relas, symbols, strings.as_bytes()], sites, handlers)
    }

    /// The symbol table, its strings and the relocation table.
    fn tables(&mut self, code_len: usize, relocations: &[Relocation]) {
        self.symbols.clear();
        self.strings.clear();
        self.relas.clear();
        self.numbers.clear();
        self.libcalls.clear();
        self.strings.push('\0');
        self.symbol(0, elf::STT_NOTYPE, elf::SHN_UNDEF, 0);
        self.strings.push_str("body\0");
        self.symbol(1, elf::STT_FUNC, elf::SymbolSection(TEXT), code_len);
        for relocation in relocations {
            let number = self.number(relocation.target);
            let (_, kind) = *RelocKind::TABLE
                .iter()
                .find(|(kind, _)| *kind == relocation.kind)
                .expect("the table has a row for every kind");
            self.relas.extend_from_slice(bytes_of(&elf::Rela64::<LE> {
                r_offset: u64::from(relocation.offset).into(),
                r_info: elf::Rela64::r_info(LE, false, number, kind),
                r_addend: relocation.addend.into(),
            }));
        }
    }

    /// Adds a symbol.
    fn symbol(&mut self, name: u32, kind: elf::SymbolType, section: elf::SymbolSection, size: usize) {
        let bind = if name == 0 { elf::STB_LOCAL } else { elf::STB_GLOBAL };
        self.symbols.extend_from_slice(bytes_of(&Symbol {
            st_name: name.into(),
            st_info: elf::SymbolInfo::new(bind, kind),
            st_other: elf::SymbolOther(0),
            st_shndx: section.into(),
            st_value: 0.into(),
            st_size: (size as u64).into(),
        }));
    }

    /// The number of a symbol, which is added if it is new.
    fn number(&mut self, target: Target) -> u32 {
        let known = match target {
            // Symbols of the body have small ordinals; others are few.
            Target::Symbol(symbol) => {
                let ordinal = symbol.ordinal as usize;
                if self.numbers.len() <= ordinal {
                    self.numbers.resize(ordinal + 1, 0);
                }
                &mut self.numbers[ordinal]
            }
            Target::Libcall(libcall) => {
                let at = self.libcalls.iter().position(|(name, _)| *name == libcall).unwrap_or_else(|| {
                    self.libcalls.push((libcall, 0));
                    self.libcalls.len() - 1
                });
                &mut self.libcalls[at].1
            }
        };
        if *known != 0 {
            return *known;
        }
        let number = (self.symbols.len() / size_of::<Symbol>()) as u32;
        *known = number;
        let name = self.strings.len() as u32;
        match target {
            Target::Symbol(symbol) => symbol.push_to(&mut self.strings),
            Target::Libcall(libcall) => self.strings.push_str(libcall),
        }
        self.strings.push('\0');
        self.symbol(name, elf::STT_NOTYPE, elf::SHN_UNDEF, 0);
        number
    }
}

/// Puts the parts of an object together. The tables are those of relocations, symbols and strings.
fn file(code: &[u8], align: u32, tables: [&[u8]; 3], sites: &[u8], handlers: &[u8]) -> Vec<u8> {
    let [relas, symbols, strings] = tables;
    let header = size_of::<elf::FileHeader64<LE>>();
    let parts = [code, sites, handlers, symbols, strings, relas];
    let estimate = header + parts.iter().map(|part| part.len()).sum::<usize>() + 700;
    let mut file = File(Vec::with_capacity(estimate));
    file.0.resize(header, 0);
    let text = file.part(align as usize, code);
    let rela = file.part(8, relas);
    let symtab = file.part(8, symbols);
    let strtab = file.part(1, strings);
    let names_at = file.0.len();
    let mut name = |n: &str| {
        file.0.extend_from_slice(n.as_bytes());
        file.0.push(0);
        (file.0.len() - names_at - n.len() - 1) as u32
    };
    let [_, text_name, rela_name, symtab_name, strtab_name, shstrtab_name, sites_name] =
        ["", ".text", ".rela.text", ".symtab", ".strtab", ".shstrtab", sites::SECTION].map(&mut name);
    let handlers_name = (!handlers.is_empty()).then(|| name(handlers::SECTION));
    let shstrtab = Part { offset: names_at, size: file.0.len() - names_at };
    let sites = file.part(1, sites);
    let handlers = file.part(1, handlers);
    file.align(8);
    let section_headers = file.0.len();

    let section = |name: u32, kind: elf::SectionType, part: &Part, align: u64| Section {
        sh_name: name.into(),
        sh_type: kind.into(),
        sh_flags: elf::SectionFlags(0).into(),
        sh_addr: 0.into(),
        sh_offset: (part.offset as u64).into(),
        sh_size: (part.size as u64).into(),
        sh_link: 0.into(),
        sh_info: 0.into(),
        sh_addralign: align.into(),
        sh_entsize: 0.into(),
    };
    let null = Part { offset: 0, size: 0 };
    let mut headers = [
        section(0, elf::SHT_NULL, &null, 0),
        section(text_name, elf::SHT_PROGBITS, &text, align.into()),
        section(rela_name, elf::SHT_RELA, &rela, 8),
        section(symtab_name, elf::SHT_SYMTAB, &symtab, 8),
        section(strtab_name, elf::SHT_STRTAB, &strtab, 1),
        section(shstrtab_name, elf::SHT_STRTAB, &shstrtab, 1),
        section(sites_name, elf::SHT_PROGBITS, &sites, 1),
    ];
    let handlers = handlers_name.map(|name| section(name, elf::SHT_PROGBITS, &handlers, 1));
    let sections = SECTIONS + u16::from(handlers.is_some());
    headers[1].sh_flags = (elf::SHF_ALLOC | elf::SHF_EXECINSTR).into();
    headers[2].sh_flags = elf::SHF_INFO_LINK.into();
    (headers[2].sh_link, headers[2].sh_info) = (SYMTAB.into(), u32::from(TEXT).into());
    headers[2].sh_entsize = (size_of::<elf::Rela64<LE>>() as u64).into();
    // The null symbol is the only local one.
    (headers[3].sh_link, headers[3].sh_info) = (STRTAB.into(), 1.into());
    headers[3].sh_entsize = (size_of::<Symbol>() as u64).into();
    for header in headers.iter().chain(&handlers) {
        file.0.extend_from_slice(bytes_of(header));
    }
    file.0[..header].copy_from_slice(bytes_of(&file_header(section_headers, sections)));
    file.0
}

fn file_header(section_headers: usize, sections: u16) -> elf::FileHeader64<LE> {
    elf::FileHeader64 {
        e_ident: elf::Ident {
            magic: elf::ELFMAG,
            class: elf::ELFCLASS64,
            data: elf::ELFDATA2LSB,
            version: elf::EV_CURRENT,
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            padding: [0; 7],
        },
        e_type: elf::ET_REL.into(),
        e_machine: elf::EM_X86_64.into(),
        e_version: u32::from(elf::EV_CURRENT.0).into(),
        e_entry: 0.into(),
        e_phoff: 0.into(),
        e_shoff: (section_headers as u64).into(),
        e_flags: elf::FileFlags(0).into(),
        e_ehsize: (size_of::<elf::FileHeader64<LE>>() as u16).into(),
        e_phentsize: 0.into(),
        e_phnum: 0.into(),
        e_shentsize: (size_of::<Section>() as u16).into(),
        e_shnum: sections.into(),
        e_shstrndx: elf::SymbolSection(SHSTRTAB).into(),
    }
}
