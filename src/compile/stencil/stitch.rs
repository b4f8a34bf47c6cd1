//! One operator's code: which stencil suits its operands as they are, and what is written into the stencil's holes.

use super::code::Chain;
use super::extract::Stencil;
use super::form::{Class, Exit, Form, FormNumber, Ty};
use super::generate::MAX_OPERANDS;
use super::operand::{At, Entry, NO_REGISTER, NONE, Numbers, Other, is_short, slots};
use super::operator;
use super::pass::{Pass, Result, unsupported};
use super::table::{Instance, Row};
use wasmparser::Operator;

/// The stencil for operands as they are, if it has been made and they need nothing first.
#[inline]
fn suits(row: &'static Row, operands: &[Entry], rotation: u8, exit: Exit) -> Option<&'static Stencil> {
    let number = FormNumber::new(exit, rotation);
    let number = match operands {
        [] => number,
        [a] => number.operand(a.class?),
        [a, b] => {
            let (a, b) = (a.class?, b.class?);
            if row.lift && (a, b) == (Class::Memory, Class::Constant) {
                return None;
            }
            number.operand(a).operand(b)
        }
        [a, b, c] => number.operand(a.class?).operand(b.class?).operand(c.class?),
        _ => return None,
    };
    row.known(number)
}

impl Pass<'_> {
    /// The row of an operator with `count` operands, and its static offset.
    pub(super) fn row(
        &mut self,
        op: &Operator<'_>,
        bytes: &[u8],
        count: usize,
    ) -> Result<(&'static Row, i32)> {
        let quick = operator::slot(self.module, op, bytes, &self.b.stack);
        if let Some((slot, offset)) = quick
            && let Some(row) = self.b.quick[slot]
        {
            return Ok((row, offset.unwrap_or(0) as i32));
        }
        let memarg = operator::memarg(op);
        let template = operator::template(self.module, op, memarg, bytes).ok_or_else(|| match memarg {
            Some(memarg) => unsupported(format_args!("the static offset {:#x}", memarg.offset)),
            None => unsupported(format_args!("{op:?}")),
        })?;
        let first = self.b.stack.len() - count;
        let mut params = [Ty::I32; MAX_OPERANDS];
        for (ty, entry) in params.iter_mut().zip(&self.b.stack[first..]) {
            *ty = entry.ty;
        }
        let instance = Instance { module: self.module, bytes };
        let row = self.table.row(&template, &params[..count], instance).map_err(unsupported)?;
        if let Some((slot, _)) = quick {
            self.b.quick[slot] = Some(row);
        }
        Ok((row, template.offset.unwrap_or(0) as i32))
    }

    /// An operator that neither branches nor calls.
    pub(super) fn plain(&mut self, op: &Operator<'_>, bytes: &[u8], exit: Exit) -> Result<Chain> {
        let count = operator::operands(op).ok_or_else(|| unsupported(format_args!("{op:?}")))?;
        let (row, offset) = self.row(op, bytes, count)?;
        self.stitch(row, bytes, offset, exit)
    }

    /// Puts an operator's code behind what there is, in the form that suits its operands. Gives the places of the
    /// branch, if it is one.
    pub(super) fn stitch(
        &mut self,
        row: &'static Row,
        bytes: &[u8],
        offset: i32,
        exit: Exit,
    ) -> Result<Chain> {
        if row.framed {
            self.in_frame(row, bytes, offset)?;
            return Ok(Chain::EMPTY);
        }
        let first = self.b.stack.len() - row.params.len();
        let (rotation, word) = match self.b.stack.get(first) {
            Some(entry) => (entry.slot & 3, entry.word),
            None => self.next_place(),
        };
        let stencil = match suits(row, &self.b.stack[first..], rotation, exit) {
            Some(stencil) if self.trace.is_none() => stencil,
            _ => self.choose(row, bytes, first, exit)?,
        };
        let result = if exit == Exit::Next { row.result } else { None };
        // The result's register: what is in it of others goes home. (Its operands are its own.)
        if let Some(ty) = result {
            let other = self.hold(slots(ty) + rotation).entry;
            if other != NONE && (other as usize) < first {
                self.spill(other as usize);
            }
        }
        let mut numbers = Numbers::new(offset);
        self.consume(first, &mut numbers);
        let taken = self.emit(stencil, &numbers, bytes);
        if let Some(ty) = result {
            self.push_register_at(ty, rotation, word);
        }
        Ok(taken)
    }

    /// Takes the operands from `first` on off the stack, and says where or which numbers they are, but for those in
    /// registers of operands.
    #[inline]
    fn consume(&mut self, first: usize, numbers: &mut Numbers) {
        for n in 0..3 {
            let Some(entry) = self.b.stack.get(first + n).copied() else { break };
            numbers.values[n] = match entry.at {
                At::Register => {
                    self.hold(entry.slot).entry = NONE;
                    0
                }
                At::Frame => self.home(&entry),
                At::Local(local) => {
                    let local = &mut self.b.locals[local as usize];
                    local.used -= 1;
                    if local.register != NO_REGISTER {
                        numbers.set_other(n, Other::Register(local.register));
                    }
                    local.displacement
                }
                At::Constant(bits) if entry.ty.is_float() => {
                    numbers.set_other(n, Other::Pool);
                    self.pooled(bits).cast_signed()
                }
                At::Constant(value) => value as i32,
            };
        }
        while self.b.stack.len() > first {
            self.b.stack.pop();
        }
        self.flushed = self.flushed.min(first);
    }

    /// The stencil for the operands as they are; else some are brought to registers first.
    fn choose(
        &mut self,
        row: &'static Row,
        bytes: &[u8],
        first: usize,
        exit: Exit,
    ) -> Result<&'static Stencil> {
        let instance = Instance { module: self.module, bytes };
        let count = row.params.len();
        let rotation = (first % 3) as u8;
        if row.lift && matches!(self.b.stack[first + 1].at, At::Constant(_)) {
            self.enregister(first);
        }
        for attempt in 0..3 {
            let mut classes = [Class::Register; 3];
            for (n, class) in classes.iter_mut().enumerate().take(count) {
                let place = first + n;
                let entry = self.b.stack[place];
                let awkward = match entry.at {
                    At::Constant(value) if entry.ty.is_float() => attempt > 1 || value == 0,
                    At::Constant(value) => attempt > 0 || !is_short(entry.ty, value),
                    At::Register => false,
                    At::Frame | At::Local(_) => attempt > 1,
                };
                if awkward {
                    self.enregister(place);
                }
                *class = self.class(place);
            }
            let form = Form { rotation, classes, exit, frame: false };
            if let Some(stencil) = self.table.stencil(row, form, instance) {
                if let Some(trace) = &mut self.trace {
                    trace.choose(form, count);
                }
                return Ok(stencil);
            }
        }
        Err(unsupported(format_args!("{:?} in registers", operator::parse(bytes))))
    }

    /// An operator that takes its operands from the frame and puts its results there.
    pub(super) fn in_frame(&mut self, row: &'static Row, bytes: &[u8], offset: i32) -> Result<()> {
        let instance = Instance { module: self.module, bytes };
        let count = row.params.len();
        let first = self.b.stack.len() - count;
        let stencil = self.table.stencil(row, Form::FRAME, instance);
        let stencil =
            stencil.ok_or_else(|| unsupported(format_args!("{:?} in the frame", operator::parse(bytes))))?;
        if let Some(trace) = &mut self.trace {
            trace.choose(Form::FRAME, count);
        }
        self.flush(self.b.stack.len());
        let mut numbers = Numbers::new(offset);
        for n in 0..count {
            numbers.values[n] = self.home(&self.b.stack[first + n]);
        }
        self.truncate(first);
        for (n, ty) in row.results.iter().enumerate() {
            self.push(At::Frame, *ty);
            numbers.values[MAX_OPERANDS + n] = self.home(&self.top());
        }
        self.flushed = self.b.stack.len();
        self.emit(stencil, &numbers, bytes);
        self.forget();
        if row.calls {
            self.reload();
        }
        Ok(())
    }
}
