//! The pass over a body: where every value is while code is stitched together, and how it gets elsewhere.
//!
//! ```text
//!   rbp ──►  caller's rbp
//!            homes: vmctx and others of the frame's own, locals, operands (see `compile/homes.rs`)
//!            in bodies with handlers: registers as the caller left them
//!            the area for results of calls
//!   rsp ──►  what stencils spill
//! ```
//!
//! Every local and every operand has a home in the frame. Operands may be elsewhere for a while: in the register of
//! their place on the operand stack, in a local that has not changed since, or nowhere because they are constants. At
//! calls and wherever control flow meets, all are at home.

use super::behind::Safepoint;
use super::code::{Code, R9, RDI};
use super::form::{Class, Ty};
use super::listing::Trace;
use super::operand::{At, Entry, Hold, Local, NO_REGISTER, NONE, register_of, slot, slots};
use super::operator;
use super::table::{Row, Table};
use crate::compile::CompileError;
use crate::compile::homes::Homes;
use crate::object::symbol::Symbol;
use crate::object::symbol::SymbolName;
use crate::object::write::{RelocKind, Relocation, Target, Writer};
use latier_runtime::abi::TrapCode;
use latier_runtime::handlers::Handler;
use latier_runtime::module::ModuleDesc;
use latier_runtime::sites::{Site, SiteKind, SiteWriter};
use latier_runtime::vmctx::HEADER_MEMORY0_BASE;
use rustc_hash::FxHashMap;

/// What a pass allocates, to be used again.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) code: Code,
    pub(super) stack: Vec<Entry>,
    pub(super) locals: Vec<Local>,
    pub(super) constructs: Vec<super::control::Construct>,
    pub(super) clauses: Vec<super::attempt::Clause>,
    pub(super) sites: SiteWriter,
    pub(super) writer: Writer,
    pub(super) handlers: Vec<Handler>,
    pub(super) relocations: Vec<Relocation>,
    pub(super) symbols: Vec<Symbol>,
    ordinals: FxHashMap<Symbol, u32>,
    pub(super) traps: Vec<(u32, TrapCode, u32)>,
    pub(super) safepoints: Vec<Safepoint>,
    /// Locals that had registers of the caller at safepoints, and these.
    pub(super) kept_at: Vec<(u32, u8)>,
    pub(super) pool: Vec<u8>,
    /// Floats among the constants, and where they are.
    pub(super) numbers: Vec<(i64, u32)>,
    pub(super) pool_places: Vec<(u32, u8, u32)>,
    /// Places of displacements into the area for results, and how many bytes into it.
    pub(super) area_places: Vec<(u32, u32)>,
    /// Places of displacements of the words that keep [`super::code::KEPT`], and which of them.
    pub(super) kept_places: Vec<(u32, u32)>,
    /// Locals that have registers, the innermost loop's last.
    pub(super) kept: Vec<(u32, u8)>,
    /// Locals that were used in what was read ahead.
    pub(super) touched: Vec<u32>,
    /// Rows by [`operator::slot`].
    pub(super) quick: Vec<Option<&'static Row>>,
    /// Of which memory 0 some of these are.
    memory0: Option<u8>,
}

impl Buffers {
    fn clear(&mut self) {
        self.code.clear();
        self.stack.clear();
        self.locals.clear();
        self.constructs.clear();
        self.clauses.clear();
        self.sites.clear();
        self.handlers.clear();
        self.relocations.clear();
        self.symbols.clear();
        self.ordinals.clear();
        self.traps.clear();
        self.safepoints.clear();
        self.kept_at.clear();
        self.pool.clear();
        self.numbers.clear();
        self.kept.clear();
        self.touched.clear();
        self.pool_places.clear();
        self.area_places.clear();
        self.kept_places.clear();
        self.quick.resize(operator::SLOTS, None);
    }

    /// Makes ready for a body of a module with these facts of its memory 0, on which some of what is known depends.
    pub(super) fn begin(&mut self, memory0: Option<u8>) {
        self.clear();
        if self.memory0 != memory0 {
            self.memory0 = memory0;
            operator::MODULE_SLOTS.into_iter().for_each(|slots| self.quick[slots].fill(None));
        }
    }
}

/// One body on its way.
pub(super) struct Pass<'a> {
    pub(super) module: &'a ModuleDesc,
    pub(super) table: &'static Table,
    pub(super) b: Buffers,
    /// The body.
    pub(super) bytes: &'a [u8],
    /// Up to where loops have been read ahead.
    pub(super) read_to: usize,
    /// The body's own type, by type index.
    pub(super) ty: u32,
    /// Registers of operands, at their [`slot`]s.
    pub(super) holds: [Hold; 8],
    /// Operands below this are at home.
    pub(super) flushed: usize,
    /// The homes in the frame but for those of operands.
    pub(super) homes: Homes,
    /// The most words that operands took.
    pub(super) words: u32,
    pub(super) spill: u32,
    pub(super) area: u32,
    /// Where the operator stands in the body.
    pub(super) offset: u32,
    /// Whether it can be reached.
    pub(super) reachable: bool,
    /// Constructs opened since the code became unreachable.
    pub(super) dead: u32,
    /// What was done for which operator, if someone wants to know.
    pub(super) trace: Option<Box<Trace>>,
}

/// Most words of operands and most bytes of code: only operators with very many results get there, by a few bytes of
/// Wasm each.
const MAX_WORDS: u32 = 1 << 24;
const MAX_CODE: u32 = 1 << 29;

/// An operator that has no stencil.
#[cold]
pub(super) fn unsupported(what: impl std::fmt::Display) -> Box<CompileError> {
    Box::new(CompileError { message: format!("no stencil: {what}"), offset: None })
}

/// Errors are rare, results are returned all the time.
pub(super) type Result<T> = std::result::Result<T, Box<CompileError>>;

impl From<wasmparser::Error> for Box<CompileError> {
    fn from(error: wasmparser::Error) -> Box<CompileError> {
        Box::new(error.into())
    }
}

impl<'a> Pass<'a> {
    /// Where an operand's home is.
    #[inline]
    pub(super) fn home(&self, entry: &Entry) -> i32 {
        self.homes.end(entry.word + entry.ty.words())
    }

    /// Where an operand is in the frame, if it is there.
    #[inline]
    pub(super) fn displacement(&self, entry: &Entry) -> i32 {
        match entry.at {
            At::Local(local) => self.b.locals[local as usize].displacement,
            _ => self.home(entry),
        }
    }

    /// The register that a local has, if that is where an operand is.
    #[inline]
    fn kept(&self, entry: &Entry) -> Option<u8> {
        let At::Local(local) = entry.at else { return None };
        Some(self.b.locals[local as usize].register).filter(|register| *register != NO_REGISTER)
    }

    #[inline]
    pub(super) fn top(&self) -> Entry {
        *self.b.stack.last().expect("a validated body has its operands")
    }

    /// Whether body and frame have become too large.
    #[inline]
    pub(super) fn bounded(&self) -> Result<()> {
        if self.words > MAX_WORDS || self.b.code.at() > MAX_CODE {
            return Err(unsupported("a body or a frame that is too large"));
        }
        Ok(())
    }

    /// What a register of operands holds.
    #[inline]
    pub(super) fn hold(&mut self, slot: u8) -> &mut Hold {
        &mut self.holds[usize::from(slot & 7)]
    }

    /// The rotation of the place where the next operand is put, and the words below it.
    #[inline]
    pub(super) fn next_place(&self) -> (u8, u32) {
        match self.b.stack.last() {
            // 0, 1, 2, 0 …
            Some(below) => (0b00_10_01 >> ((below.slot & 3) * 2) & 3, below.word + below.ty.words()),
            None => (0, 0),
        }
    }

    /// Puts an operand on the stack.
    #[inline]
    pub(super) fn push(&mut self, at: At, ty: Ty) {
        let (rotation, word) = self.next_place();
        self.words = self.words.max(word + ty.words());
        self.b.stack.push(Entry { at, ty, slot: slots(ty) + rotation, class: at.class(ty), word });
    }

    /// Puts a result on the stack that is in its register.
    #[inline]
    pub(super) fn push_register(&mut self, ty: Ty) {
        let (rotation, word) = self.next_place();
        self.push_register_at(ty, rotation, word);
    }

    /// The same where the next place is known.
    #[inline]
    pub(super) fn push_register_at(&mut self, ty: Ty, rotation: u8, word: u32) {
        let place = self.b.stack.len() as u32;
        let slot = slots(ty) + rotation;
        *self.hold(slot) = Hold { entry: place, local: NONE };
        self.words = self.words.max(word + ty.words());
        self.b.stack.push(Entry { at: At::Register, ty, slot, class: Some(Class::Register), word });
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Entry {
        let entry = self.b.stack.pop().expect("a validated body has its operands");
        match entry.at {
            At::Register => self.hold(entry.slot).entry = NONE,
            At::Local(local) => self.b.locals[local as usize].used -= 1,
            _ => {}
        }
        self.flushed = self.flushed.min(self.b.stack.len());
        entry
    }

    #[inline]
    pub(super) fn truncate(&mut self, height: usize) {
        while self.b.stack.len() > height {
            self.pop();
        }
    }

    /// Copies an operand's value to a register of its class.
    pub(super) fn value_to(&mut self, reg: u8, entry: Entry) {
        match entry.at {
            At::Register => self.b.code.register(reg, register_of(entry.slot), entry.ty),
            At::Constant(0) if entry.ty.is_float() => self.b.code.float_zero(reg),
            At::Frame | At::Local(_) => match self.kept(&entry) {
                Some(from) => self.b.code.register(reg, from, entry.ty),
                None => self.b.code.load(reg, entry.ty, self.displacement(&entry)),
            },
            At::Constant(bits) if entry.ty.is_float() => {
                let inside = self.pooled(bits);
                let place = self.b.code.load_double(reg);
                self.b.pool_places.push((place, 4, inside));
            }
            At::Constant(value) => {
                let value = if entry.ty == Ty::I32 { i64::from(value as u32) } else { value };
                self.b.code.number(reg, value);
            }
        }
    }

    /// Copies an operand's value to a place in the frame.
    pub(super) fn value_at(&mut self, displacement: i32, entry: Entry) {
        match entry.at {
            At::Register => self.b.code.store(register_of(entry.slot), entry.ty, displacement),
            At::Frame | At::Local(_) => match self.kept(&entry) {
                Some(from) => self.b.code.store(from, entry.ty, displacement),
                None => self.b.code.copy(entry.ty, self.displacement(&entry), displacement),
            },
            At::Constant(value) => self.b.code.store_number(entry.ty, value, displacement),
        }
    }

    /// Brings an operand home.
    pub(super) fn spill(&mut self, place: usize) {
        let entry = self.b.stack[place];
        match entry.at {
            At::Frame => return,
            At::Register => self.hold(entry.slot).entry = NONE,
            At::Local(local) => self.b.locals[local as usize].used -= 1,
            At::Constant(_) => {}
        }
        self.value_at(self.home(&entry), entry);
        (self.b.stack[place].at, self.b.stack[place].class) = (At::Frame, Some(Class::Memory));
    }

    /// Brings all operands below `height` home.
    pub(super) fn flush(&mut self, height: usize) {
        for place in self.flushed..height {
            self.spill(place);
        }
        self.flushed = self.flushed.max(height);
    }

    /// What registers hold is no longer known: control flow meets here, or a call has used them.
    pub(super) fn forget(&mut self) {
        self.holds = [Hold::NOTHING; 8];
    }

    /// Makes a register of operands free for the operand at `place`.
    pub(super) fn free(&mut self, ty: Ty, place: usize) {
        let slot = slot(ty, place);
        let other = self.hold(slot).entry;
        if other != NONE && other as usize != place {
            self.spill(other as usize);
        }
        *self.hold(slot) = Hold::NOTHING;
    }

    /// Brings an operand to its register.
    pub(super) fn enregister(&mut self, place: usize) {
        let entry = self.b.stack[place];
        if entry.at == At::Register {
            return;
        }
        self.free(entry.ty, place);
        self.value_to(register_of(entry.slot), entry);
        let mut local = NONE;
        if let At::Local(from) = entry.at {
            self.b.locals[from as usize].used -= 1;
            local = from;
        }
        (self.b.stack[place].at, self.b.stack[place].class) = (At::Register, Some(Class::Register));
        self.flushed = self.flushed.min(place);
        *self.hold(entry.slot) = Hold { entry: place as u32, local };
    }

    /// The class of an operand as it is.
    #[inline]
    pub(super) fn class(&self, place: usize) -> Class {
        let entry = &self.b.stack[place];
        match entry.at {
            At::Register => Class::Register,
            At::Frame | At::Local(_) => Class::Memory,
            At::Constant(_) if entry.ty.is_float() => Class::Memory,
            At::Constant(_) => Class::Constant,
        }
    }

    /// What stencils expect in registers is there again.
    pub(super) fn reload(&mut self) {
        self.b.code.load(RDI, Ty::I64, Homes::VMCTX);
        self.load_memory0();
        self.reload_kept();
    }

    pub(super) fn load_memory0(&mut self) {
        if self.module.memories.first().is_some_and(|m| m.is_guarded()) {
            self.b.code.load_from(R9, RDI, HEADER_MEMORY0_BASE as u8);
        }
    }

    #[inline]
    pub(super) fn site(&mut self, code_offset: u32, kind: SiteKind) {
        self.b.sites.push(Site { code_offset, wasm_offset: self.offset, kind });
    }

    /// The ordinal of a symbol.
    pub(super) fn ordinal(&mut self, symbol: Symbol) -> u32 {
        let next = self.b.symbols.len() as u32;
        let ordinal = *self.b.ordinals.entry(symbol).or_insert(next);
        if ordinal == next {
            self.b.symbols.push(symbol);
        }
        ordinal
    }

    /// The distance at `place` leads to the symbol's GOT entry.
    pub(super) fn relocate(&mut self, place: u32, symbol: Symbol) {
        let ordinal = self.ordinal(symbol);
        let target = Target::Symbol(SymbolName { kind: symbol.kind(), ordinal });
        self.b.relocations.push(Relocation { offset: place, kind: RelocKind::GotPcRel, target, addend: -4 });
    }

    /// A trap that the branch at `place` leads to.
    pub(super) fn trap_at(&mut self, place: u32, code: TrapCode) {
        self.b.traps.push((place, code, self.offset));
    }
}
