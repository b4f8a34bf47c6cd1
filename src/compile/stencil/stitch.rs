//! One operator's code: which stencil suits its operands as they are, and what is written into the stencil's holes.

use super::code::Chain;
use super::extract::{Hole, Stencil};
use super::form::{Class, Exit, Form, Ty};
use super::generate::MAX_OPERANDS;
use super::narrow::Width;
use super::operator;
use super::pass::{At, NONE, Pass, Result, class_of, unsupported};
use super::table::{Instance, Row};
use latier_runtime::sites::SiteKind;
use wasmparser::Operator;

impl Pass<'_> {
    /// The row of an operator with `count` operands.
    pub(super) fn row(
        &mut self,
        op: &Operator<'_>,
        bytes: &[u8],
        count: usize,
    ) -> Result<(&'static Row, Option<u64>)> {
        let quick = operator::slot(self.module, op, bytes, &self.b.stack);
        if let Some((slot, offset)) = quick
            && let Some(row) = self.b.quick[slot]
        {
            return Ok((row, offset));
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
        Ok((row, template.offset))
    }

    /// An operator that neither branches nor calls.
    pub(super) fn plain(&mut self, op: &Operator<'_>, bytes: &[u8], exit: Exit) -> Result<Chain> {
        let count = operator::operands(op).ok_or_else(|| unsupported(format_args!("{op:?}")))?;
        let (row, offset) = self.row(op, bytes, count)?;
        let instance = Instance { module: self.module, bytes };
        self.stitch(row, instance, offset, exit)
    }

    /// Puts an operator's code behind what there is, in the form that suits its operands. Gives the places of the
    /// branch, if it is one.
    pub(super) fn stitch(
        &mut self,
        row: &'static Row,
        instance: Instance<'_>,
        offset: Option<u64>,
        exit: Exit,
    ) -> Result<Chain> {
        let count = row.params.len();
        if row.calls || count > 3 || row.results.len() > 1 {
            self.in_frame(row, instance, offset)?;
            return Ok(Chain::EMPTY);
        }
        let first = self.b.stack.len() - count;
        let result = if exit == Exit::Next { row.results.first().copied() } else { None };
        let stencil = self.choose(row, instance, first, exit)?;
        // The result's register: what is in it of others goes home. (Its operands are its own.)
        if let Some(ty) = result {
            let other = self.holds[class_of(ty)][first % 3].entry;
            if other != NONE && (other as usize) < first {
                self.spill(other as usize);
            }
        }
        let mut displacements = [0; MAX_OPERANDS + 2];
        let mut constants = [0; MAX_OPERANDS];
        for n in 0..count {
            let entry = self.b.stack[first + n];
            displacements[n] = self.displacement(&entry);
            if let At::Constant(value) = entry.at {
                constants[n] = value;
            }
        }
        let taken = self.emit(stencil, &displacements, &constants, offset, instance.bytes);
        self.truncate(first);
        if let Some(ty) = result {
            self.push_register(ty);
        }
        Ok(taken)
    }

    /// The stencil for the operands as they are; else some are brought to registers first.
    fn choose(
        &mut self,
        row: &'static Row,
        instance: Instance<'_>,
        first: usize,
        exit: Exit,
    ) -> Result<&'static Stencil> {
        let count = row.params.len();
        let rotation = (first % 3) as u8;
        for attempt in 0..3 {
            let mut classes = [Class::Register; 3];
            for (n, class) in classes.iter_mut().enumerate().take(count) {
                let place = first + n;
                let entry = self.b.stack[place];
                let short = |value| entry.ty == Ty::I32 || i32::try_from(value).is_ok();
                let awkward = match entry.at {
                    At::Constant(value) => attempt > 0 || entry.ty.is_float() || !short(value),
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
        Err(unsupported(format_args!("{:?} in registers", operator::parse(instance.bytes))))
    }

    /// An operator that takes its operands from the frame and puts its results there.
    pub(super) fn in_frame(
        &mut self,
        row: &'static Row,
        instance: Instance<'_>,
        offset: Option<u64>,
    ) -> Result<()> {
        let count = row.params.len();
        let first = self.b.stack.len() - count;
        let stencil = self.table.stencil(row, Form::FRAME, instance);
        let stencil = stencil
            .ok_or_else(|| unsupported(format_args!("{:?} in the frame", operator::parse(instance.bytes))))?;
        if let Some(trace) = &mut self.trace {
            trace.choose(Form::FRAME, count);
        }
        self.flush(self.b.stack.len());
        let mut displacements = [0; MAX_OPERANDS + 2];
        for (n, displacement) in displacements.iter_mut().enumerate().take(count) {
            *displacement = self.home(&self.b.stack[first + n]);
        }
        self.truncate(first);
        for (n, ty) in row.results.iter().enumerate() {
            self.push(At::Frame, *ty);
            displacements[MAX_OPERANDS + n] = self.home(&self.top());
        }
        self.flushed = self.b.stack.len();
        self.emit(stencil, &displacements, &[0; MAX_OPERANDS], offset, instance.bytes);
        self.forget();
        if row.calls {
            self.reload();
        }
        Ok(())
    }

    /// Copies a stencil and fills its holes.
    pub(super) fn emit(
        &mut self,
        stencil: &Stencil,
        displacements: &[i32; MAX_OPERANDS + 2],
        constants: &[i64; MAX_OPERANDS],
        offset: Option<u64>,
        bytes: &[u8],
    ) -> Chain {
        let start = self.b.code.at();
        self.b.code.put_chunks(&stencil.chunks, stencil.len);
        self.spill = self.spill.max(stencil.spill);
        let pool = self.b.pool.len() as u32;
        if !stencil.pool.is_empty() {
            self.b.pool.extend_from_slice(&stencil.pool);
            self.b.pool.resize(self.b.pool.len().next_multiple_of(16), 0);
        }
        let mut taken = Chain::EMPTY;
        let mut place = Placement { stencil, start, less: 0, less_before: 0 };
        for (at, hole) in &stencil.holes {
            let inside = usize::from(*at);
            let at = place.of(inside);
            match *hole {
                Hole::Displacement(n, width) => {
                    self.number(&mut place, inside, displacements[usize::from(n)], width, Width::MODE);
                }
                Hole::Constant(n, width) => {
                    let value = constants[usize::from(n)] as i32;
                    self.number(&mut place, inside, value, width, Width::OPCODE);
                }
                Hole::Amount(n, limit) => {
                    self.b.code.set_byte(at, constants[usize::from(n)] as u8 & (limit - 1));
                }
                Hole::Offset(add, width) => {
                    let offset = offset.unwrap_or_default() as i32 + i32::from(add);
                    self.number(&mut place, inside, offset, width, Width::MODE);
                }
                Hole::Taken => self.b.code.chain(&mut taken, at),
                Hole::Trap(code) => self.trap_at(at, code),
                Hole::Symbol(n) => {
                    let symbol = operator::symbols(bytes)[usize::from(n)];
                    let symbol = symbol.expect("a role is one of the operator's symbols");
                    self.relocate(at, symbol);
                }
                Hole::Pool(inside, behind) => self.b.pool_places.push((at, behind, pool + u32::from(inside))),
                Hole::Site(code) => self.site(at, SiteKind::Trap(code)),
                Hole::Call => self.called(at),
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.stencil(start..self.b.code.at());
        }
        taken
    }
    /// Writes a number of 32 bits, or of 8 if it fits and may have so many: then what stands behind it is pulled
    /// nearer.
    #[inline]
    fn number(&mut self, place: &mut Placement<'_>, inside: usize, value: i32, width: Width, bits: u8) {
        let at = place.of(inside);
        match i8::try_from(value) {
            Ok(short) if width != Width::FIXED => {
                self.b.code.flip(place.before(inside, width), bits);
                self.b.code.set_byte(at, short.cast_unsigned());
                self.b.code.pull(&place.stencil.chunks, inside + 4, place.stencil.len, at + 1);
                place.shorten(3);
            }
            _ => {
                self.b.code.set_word(at, value);
                place.shorten(0);
            }
        }
    }
}

/// A stencil's copy, which may be shorter than the stencil.
struct Placement<'a> {
    stencil: &'a Stencil,
    start: u32,
    /// How many bytes are missing so far, and how many were before the last number.
    less: u32,
    less_before: u32,
}

impl Placement<'_> {
    /// Where the stencil's byte is.
    #[inline]
    fn of(&self, inside: usize) -> u32 {
        self.start + inside as u32 - self.less
    }

    /// Where the byte is that says how wide the number at `inside` is: the last number may lie between.
    #[inline]
    fn before(&self, inside: usize, width: Width) -> u32 {
        let less = if width.0 > 2 { self.less_before } else { self.less };
        self.start + inside as u32 - u32::from(width.0) - less
    }

    #[inline]
    fn shorten(&mut self, bytes: u32) {
        self.less_before = self.less;
        self.less += bytes;
    }
}
