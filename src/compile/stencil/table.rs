//! The stencils there are: each is made when it is first asked for, once in the process, and checked then.

use super::extract::{Machine, Stencil};
use super::form::{Class, Form, FormNumber, Ty};
use super::generate::{Generator, MAX_OPERANDS, Raw, Request};
use super::kept;
use super::operator::{self, Template};
use super::quick;
use crate::compile::target::{self, RelaxedForms, Settings};
use cranelift_codegen::isa::OwnedTargetIsa;
use latier_runtime::module::ModuleDesc;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

/// Amounts of shifts, which are small, in two makings.
const AMOUNTS: [[i64; MAX_OPERANDS]; 2] = [[27, 27, 27, 0, 0], [21, 21, 21, 0, 0]];

/// One operator, with its stencils in all forms.
pub(super) struct Row {
    pub(super) params: Box<[Ty]>,
    pub(super) results: Box<[Ty]>,
    /// The first of them.
    pub(super) result: Option<Ty>,
    /// Whether it calls: then it has no form but that in the frame.
    pub(super) calls: bool,
    /// Whether operands and results are in the frame only.
    pub(super) framed: bool,
    /// Whether it is one whose operand 0 is an address.
    address: bool,
    /// Constants of a shift are less than this.
    pub(super) amount: Option<u8>,
    /// Operands that must not be constants.
    no_constant: u8,
    /// Whether operand 0 is better in a register if operand 1 is a constant: an instruction with both takes fewer
    /// bytes, and the operand stays at hand.
    pub(super) lift: bool,
    /// Stencils that were kept, which are read when they are asked for.
    kept: kept::Forms,
    /// By [`Form::number`].
    pub(super) forms: Box<[OnceLock<Option<&'static Stencil>>]>,
}

impl Row {
    pub(super) fn new(key: &[u8], params: &[Ty], results: &[Ty], calls: bool, kept: kept::Forms) -> Row {
        let shift = matches!(key[0], 0x74..=0x78 | 0x86..=0x8a);
        let division = matches!(key[0], 0x6d..=0x70 | 0x7f..=0x82);
        let sum = matches!(key[0], 0x6a | 0x6b | 0x71..=0x73 | 0x7c | 0x7d | 0x83..=0x85);
        let comparison = matches!(key[0], 0x46..=0x4f | 0x51..=0x5a);
        Row {
            params: params.into(),
            results: results.into(),
            result: results.first().copied(),
            calls,
            framed: Row::is_framed(params, results, calls),
            address: matches!(key[0], 0x28..=0x3e),
            amount: shift.then_some(if key[0] < 0x80 { 32 } else { 64 }),
            no_constant: if shift {
                1
            } else if division {
                2
            } else {
                0
            },
            lift: sum || comparison || shift,
            kept,
            forms: (0..Form::count(params.len())).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Whether a form has a constant where there is none.
    pub(super) fn refuses(&self, form: Form) -> bool {
        let constant = |n: usize| form.class(n) == Class::Constant;
        let never = |n: usize| self.no_constant & 1 << n != 0 || self.params[n].is_float();
        (0..self.params.len().min(3)).any(|n| constant(n) && never(n))
    }

    fn is_framed(params: &[Ty], results: &[Ty], calls: bool) -> bool {
        calls || params.len() > 3 || results.len() > 1
    }

    /// What its stencil showed of it.
    fn learn(&mut self, raw: Raw) {
        self.framed = Row::is_framed(&self.params, &raw.results, raw.returns);
        self.result = raw.results.first().copied();
        (self.results, self.calls) = (raw.results.into(), raw.returns);
    }

    /// The stencil of the form with this number, if it has been made.
    #[inline]
    pub(super) fn known(&self, number: FormNumber) -> Option<&'static Stencil> {
        *self.forms.get(number.get())?.get()?
    }
}

/// An operator as it stands in a body.
#[derive(Clone, Copy)]
pub(super) struct Instance<'a> {
    pub(super) module: &'a ModuleDesc,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
}

/// All operators that were asked for.
pub(super) struct Table {
    isa: &'static OwnedTargetIsa,
    machine: &'static Machine,
    relaxed: RelaxedForms,
    rows: RwLock<HashMap<Vec<u8>, &'static Row>>,
    generator: Mutex<Generator>,
    /// Stencils made since they were kept last.
    made: AtomicUsize,
    /// What was kept, if someone has looked.
    kept: OnceLock<Option<kept::Rows>>,
}

impl Table {
    /// Looks at what was kept in a directory, once in the process. What cannot be read is made.
    pub(super) fn load(&self, directory: &Path) {
        self.kept.get_or_init(|| kept::load(self.relaxed.deterministic, directory));
    }

    /// Keeps what was made since the last time.
    pub(super) fn save(&self, directory: &Path) {
        if self.made.swap(0, Ordering::Relaxed) > 0 {
            // What cannot be kept is made again.
            let _ = kept::save(self, self.relaxed.deterministic, directory);
        }
    }

    /// Calls `each` with every row and its key.
    pub(super) fn each_row(&self, mut each: impl FnMut(&[u8], &Row)) {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.iter().for_each(|(key, row)| each(key, row));
    }

    /// The table of this process.
    ///
    /// # Errors
    /// When there are no stencils for this machine.
    pub(super) fn get(relaxed_simd_deterministic: bool) -> Result<&'static Table, String> {
        static TABLES: [OnceLock<Result<Table, String>>; 2] = [OnceLock::new(), OnceLock::new()];
        let table = TABLES[usize::from(relaxed_simd_deterministic)].get_or_init(|| {
            let isa = target::isa(Settings::Stencil).map_err(|e| e.message)?;
            if isa.name() != "x64" {
                return Err(format!("no body is stitched for {} yet", isa.name()));
            }
            Table::new(isa, relaxed_simd_deterministic)
        });
        table.as_ref().map_err(Clone::clone)
    }

    /// A table of stencils for a processor, which need not be the one at hand.
    ///
    /// # Errors
    /// When none can be made for it.
    pub(super) fn new(
        isa: &'static OwnedTargetIsa,
        relaxed_simd_deterministic: bool,
    ) -> Result<Table, String> {
        Ok(Table {
            isa,
            machine: Machine::of(isa)?,
            relaxed: RelaxedForms::new(isa, relaxed_simd_deterministic),
            rows: RwLock::default(),
            generator: Mutex::new(Generator::new(isa)),
            made: AtomicUsize::new(0),
            kept: OnceLock::new(),
        })
    }

    /// The row of an operator with operands of these types.
    ///
    /// # Errors
    /// When it has no stencil.
    pub(super) fn row(
        &self,
        template: &Template,
        params: &[Ty],
        instance: Instance<'_>,
    ) -> Result<&'static Row, String> {
        let mut key = template.key.clone();
        key.push(0xff);
        key.extend(params.iter().map(|ty| *ty as u8));
        if let Some(row) = self.rows.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(row);
        }
        let kept = self.kept.get().and_then(|kept| kept.as_ref()?.row(&key));
        let known = kept.is_some();
        let mut row = kept.unwrap_or_else(|| Row::new(&key, params, &[], false, kept::Forms::new()));
        if !known && !matches!(instance.bytes[0], quick::IF | quick::BR_IF) {
            let (raw, stencil) = self.make(&row, Form::FRAME, instance)?;
            row.learn(raw);
            let _ = row.forms[Form::FRAME.number(0)].set(Some(Box::leak(Box::new(stencil))));
        }
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.entry(key).or_insert_with(|| Box::leak(Box::new(row))))
    }

    /// An operator's stencil in one form, if it exists.
    #[inline]
    pub(super) fn stencil(
        &self,
        row: &'static Row,
        form: Form,
        instance: Instance<'_>,
    ) -> Option<&'static Stencil> {
        let cell = &row.forms[form.number(row.params.len())];
        if let Some(known) = cell.get() {
            return *known;
        }
        self.first(row, form, instance)
    }

    #[cold]
    fn first(&self, row: &'static Row, form: Form, instance: Instance<'_>) -> Option<&'static Stencil> {
        let number = form.number(row.params.len());
        *row.forms[number].get_or_init(|| {
            if let Some(kept) = kept::stencil(&row.kept, number) {
                return kept.map(|stencil| &*Box::leak(Box::new(stencil)));
            }
            let made = if row.refuses(form) { None } else { self.make(row, form, instance).ok() };
            made.map(|(_, stencil)| &*Box::leak(Box::new(stencil)))
        })
    }

    /// Makes a stencil, twice if it has constants: both must agree.
    pub(super) fn make(
        &self,
        row: &Row,
        form: Form,
        instance: Instance<'_>,
    ) -> Result<(Raw, Stencil), String> {
        self.made.fetch_add(1, Ordering::Relaxed);
        let constants = (0..row.params.len()).any(|n| form.class(n) == Class::Constant);
        let values = self.constants(row);
        let (raw, stencil) = self.make_once(row, form, instance, values[0])?;
        if constants {
            let (_, other) = self.make_once(row, form, instance, values[1])?;
            if !self.machine.agree(&stencil, &other) {
                return Err("its code depends on its constants".into());
            }
        }
        Ok((raw, stencil))
    }

    fn make_once(
        &self,
        row: &Row,
        form: Form,
        instance: Instance<'_>,
        constants: [i64; MAX_OPERANDS],
    ) -> Result<(Raw, Stencil), String> {
        let symbols: Vec<_> = operator::symbols(instance.bytes).into_iter().flatten().collect();
        self.request(row, form, instance, constants, |generator, request, offset| {
            let raw = generator.raw(request).map_err(|e| {
                // What a failure leaves in it is unknown.
                *generator = Generator::new(self.isa);
                e.message
            })?;
            let stencil = (self.machine.extract)(&raw, request, &symbols, offset, row.amount);
            let op = request.op;
            let stencil = stencil.map_err(|e| format!("the stencil of {op:?} has an unknown shape: {e}"))?;
            Ok((raw, stencil))
        })
    }

    /// Hands an operator in one form to the generator, with placeholders; `make` is also told that of its static
    /// offset.
    fn request<T>(
        &self,
        row: &Row,
        form: Form,
        instance: Instance<'_>,
        constants: [i64; MAX_OPERANDS],
        make: impl FnOnce(&mut Generator, &Request<'_>, Option<u64>) -> Result<T, String>,
    ) -> Result<T, String> {
        let Instance { module, bytes } = instance;
        let own = operator::parse(bytes).ok_or("no operator")?;
        let placed = operator::memarg(&own)
            .map(|memarg| operator::with_placeholder(module, memarg, bytes).ok_or("no placeholder"));
        let placed = placed.transpose()?;
        let replaced =
            placed.as_ref().map(|(bytes, _)| operator::parse(bytes).ok_or("no operator")).transpose()?;
        let request = Request {
            module,
            op: replaced.as_ref().unwrap_or(&own),
            params: &row.params,
            form,
            constants,
            address: row.address,
            relaxed: self.relaxed,
            displacements: &self.machine.displacements,
        };
        let mut generator = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        make(&mut generator, &request, placed.as_ref().map(|(_, placeholder)| *placeholder))
    }

    /// What Cranelift makes of an operator in one form, with these constants, as its own assembly.
    #[cfg(test)]
    pub(super) fn assembly(
        &self,
        row: &Row,
        form: Form,
        instance: Instance<'_>,
        constants: [i64; MAX_OPERANDS],
    ) -> String {
        let made = self.request(row, form, instance, constants, |generator, request, _| {
            generator.assembly(request).map_err(|e| e.message)
        });
        made.unwrap_or_else(|reason| reason)
    }

    /// What constant operands are, in makings that have to agree.
    pub(super) fn constants(&self, row: &Row) -> &[[i64; MAX_OPERANDS]; 2] {
        if row.amount.is_some() { &AMOUNTS } else { &self.machine.constants }
    }
}
