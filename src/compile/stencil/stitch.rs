//! One operator's code: which stencil suits its operands as they are, and what is written into the stencil's holes.

use super::code::Chain;
use super::extract::{Access, Hole, Stencil};
use super::form::{Class, Exit, Form, Ty};
use super::generate::MAX_OPERANDS;
use super::instead::{self, Instead};
use super::narrow::Width;
use super::operator;
use super::pass::{At, NONE, Pass, Place, Result, class_of, unsupported};
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
        let mut places = [Place::Frame(0); MAX_OPERANDS + 2];
        let mut constants = [0; MAX_OPERANDS];
        for n in 0..count {
            let entry = self.b.stack[first + n];
            places[n] = self.place(&entry);
            if let At::Constant(value) = entry.at {
                constants[n] = value;
            }
        }
        let taken = self.emit(stencil, &places, &constants, offset, instance.bytes);
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
        if row.lift && matches!(self.b.stack[first + 1].at, At::Constant(_)) {
            self.enregister(first);
        }
        for attempt in 0..3 {
            let mut classes = [Class::Register; 3];
            for (n, class) in classes.iter_mut().enumerate().take(count) {
                let place = first + n;
                let entry = self.b.stack[place];
                let short = |value| entry.ty == Ty::I32 || i32::try_from(value).is_ok();
                let awkward = match entry.at {
                    At::Constant(value) if entry.ty.is_float() => attempt > 1 || value == 0,
                    At::Constant(value) => attempt > 0 || !short(value),
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
        let mut places = [Place::Frame(0); MAX_OPERANDS + 2];
        for (n, place) in places.iter_mut().enumerate().take(count) {
            *place = Place::Frame(self.home(&self.b.stack[first + n]));
        }
        self.truncate(first);
        for (n, ty) in row.results.iter().enumerate() {
            self.push(At::Frame, *ty);
            places[MAX_OPERANDS + n] = Place::Frame(self.home(&self.top()));
        }
        self.flushed = self.b.stack.len();
        self.emit(stencil, &places, &[0; MAX_OPERANDS], offset, instance.bytes);
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
        places: &[Place; MAX_OPERANDS + 2],
        constants: &[i64; MAX_OPERANDS],
        offset: Option<u64>,
        bytes: &[u8],
    ) -> Chain {
        let start = self.b.code.at();
        self.b.code.put_chunks(&stencil.chunks, stencil.len);
        self.spill = self.spill.max(stencil.spill);
        let pool = if stencil.pool.is_empty() { 0 } else { self.pool_vectors(&stencil.pool) };
        let mut taken = Chain::EMPTY;
        let mut copy = Copy { stencil, start, less: 0, less_before: 0 };
        for (at, hole) in &stencil.holes {
            let inside = usize::from(*at);
            let at = copy.of(inside);
            match *hole {
                Hole::Displacement(n, access) => {
                    self.access(&mut copy, inside, places[usize::from(n)], access)
                }
                Hole::Constant(n, width) => {
                    let value = constants[usize::from(n)] as i32;
                    self.number(&mut copy, inside, value, width, Width::OPCODE);
                }
                Hole::Amount(n, limit) => {
                    self.b.code.set_byte(at, constants[usize::from(n)] as u8 & (limit - 1));
                }
                Hole::Complement(n, limit) => {
                    let amount = constants[usize::from(n)] as u8;
                    self.b.code.set_byte(at, amount.wrapping_neg() & (limit - 1));
                }
                Hole::Offset(add, width) => {
                    let offset = offset.unwrap_or_default() as i32 + i32::from(add);
                    self.number(&mut copy, inside, offset, width, Width::MODE);
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

    /// Writes where an operand is that a stencil takes from the frame.
    #[inline]
    fn access(&mut self, copy: &mut Copy<'_>, inside: usize, place: Place, access: Access) {
        match place {
            Place::Frame(displacement) => self.number(copy, inside, displacement, access.width, Width::MODE),
            Place::Register(register, displacement) => {
                let lower = register < 8;
                match access.instead {
                    Instead::Never => self.number(copy, inside, displacement, access.width, Width::MODE),
                    Instead::Lower | Instead::Copy(_) if !lower => {
                        self.number(copy, inside, displacement, access.width, Width::MODE);
                    }
                    instead => self.instead(copy, inside, register, instead),
                }
            }
            Place::Pool(pool) => {
                let at = copy.of(inside);
                // [rip + d32]
                self.b.code.flip(at - 1, Width::MODE_POOL);
                self.b.pool_places.push((at, access.end, pool));
                copy.shorten(0);
            }
        }
    }

    /// A register stands instead of an access.
    fn instead(&mut self, copy: &mut Copy<'_>, inside: usize, register: u8, instead: Instead) {
        let Copy { stencil, .. } = *copy;
        let (mut at, mut less) = (copy.of(inside), 4);
        let mut before = copy.less;
        match instead {
            Instead::Prefix(back) if register >= 8 => {
                let start = inside - usize::from(back);
                let prefix = at - u32::from(back);
                self.b.code.pull(&stencil.chunks, start, stencil.len, prefix + 1);
                self.b.code.set_byte(prefix, 0x41);
                (at, less) = (at + 1, 3);
                // The opcode is farther behind.
                before -= 1;
            }
            Instead::Rex(back) if register >= 8 => self.b.code.flip(at - u32::from(back), 0x01),
            Instead::Vex(back) if register >= 8 => self.b.code.flip(at - u32::from(back) + 1, 0x20),
            Instead::Copy(back) => {
                let prefix = at - u32::from(back);
                let byte = self.b.code.get_byte(prefix + 1);
                self.b.code.set_byte(prefix + 1, byte & !instead::LANES);
                self.b.code.set_byte(prefix + 2, instead::COPY);
            }
            _ => {}
        }
        let mode = self.b.code.get_byte(at - 1);
        self.b.code.set_byte(at - 1, 0xc0 | mode & 0x38 | register & 7);
        self.b.code.pull(&stencil.chunks, inside + 4, stencil.len, at);
        copy.shorten(less);
        copy.less_before = before;
    }

    /// Writes a number of 32 bits, or of 8 if it fits and may have so many: then what stands behind it is pulled
    /// nearer.
    #[inline]
    fn number(&mut self, copy: &mut Copy<'_>, inside: usize, value: i32, width: Width, bits: u8) {
        let at = copy.of(inside);
        match i8::try_from(value) {
            Ok(short) if width != Width::FIXED => {
                self.b.code.flip(copy.before(inside, width), bits);
                self.b.code.set_byte(at, short.cast_unsigned());
                self.b.code.pull(&copy.stencil.chunks, inside + 4, copy.stencil.len, at + 1);
                copy.shorten(3);
            }
            _ => {
                self.b.code.set_word(at, value);
                copy.shorten(0);
            }
        }
    }
}

/// A stencil's copy, which may be shorter than the stencil.
struct Copy<'a> {
    stencil: &'a Stencil,
    start: u32,
    /// How many bytes are missing so far, and how many were before the last number.
    less: i32,
    less_before: i32,
}

impl Copy<'_> {
    /// Where the stencil's byte is.
    #[inline]
    fn of(&self, inside: usize) -> u32 {
        (self.start + inside as u32).wrapping_add_signed(-self.less)
    }

    /// Where the byte is that says how wide the number at `inside` is: the last number may lie between.
    #[inline]
    fn before(&self, inside: usize, width: Width) -> u32 {
        let less = if width.0 > 2 { self.less_before } else { self.less };
        (self.start + inside as u32 - u32::from(width.0)).wrapping_add_signed(-less)
    }

    #[inline]
    fn shorten(&mut self, bytes: i32) {
        self.less_before = self.less;
        self.less += bytes;
    }
}
