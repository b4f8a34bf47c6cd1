//! Structured control flow: labels, and the places that wait for them. Where control flow meets, operands are at
//! home and registers hold nothing.

use super::code::{Chain, RAX, RCX};
use super::form::{Exit, Ty};
use super::operand::At;
use super::pass::{Pass, Result, unsupported};
use super::table::Row;
use latier_runtime::vmctx::HEADER_ATTENTION;
use wasmparser::{BlockType, BrTable, Operator};

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Block,
    /// Its header is here.
    Loop(u32),
    /// The then arm; the else arm is where this leads.
    If(Chain),
    Else,
    /// A `try_table`, with the number of clauses that were open before.
    Try(usize),
    /// The body of a `try`, with the same.
    LegacyTry(usize),
    /// A clause of a `try`, and what leads to the next; `None` if nothing throws to it.
    LegacyCatch(Option<Chain>),
}

/// A construct that is open and can be reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Construct {
    pub(super) kind: Kind,
    pub(super) ty: BlockType,
    /// Operands below the construct's own.
    pub(super) height: usize,
    /// Places that lead to its end.
    exits: Chain,
    /// How many locals had registers before it, and have inside.
    kept: usize,
    kept_inside: usize,
    /// While a `br_table` is compiled: where its stub for this construct is.
    stub: u32,
}

/// No stub yet.
const NO_STUB: u32 = u32::MAX;

impl Pass<'_> {
    pub(super) fn params_of(&self, ty: BlockType) -> usize {
        match ty {
            BlockType::FuncType(ty) => self.module.func_types[ty as usize].params.len(),
            _ => 0,
        }
    }

    fn results_of(&self, ty: BlockType) -> usize {
        match ty {
            BlockType::Empty => 0,
            BlockType::Type(_) => 1,
            BlockType::FuncType(ty) => self.module.func_types[ty as usize].results.len(),
        }
    }

    /// Puts operands on the stack that are at home: the construct's parameters or results.
    fn push_types(&mut self, ty: BlockType, results: bool) {
        match ty {
            BlockType::Empty => {}
            BlockType::Type(ty) if results => self.push(At::Frame, Ty::of_parsed(ty)),
            BlockType::Type(_) => {}
            BlockType::FuncType(ty) => {
                let ty = &self.module.func_types[ty as usize];
                let types = if results { &ty.results } else { &ty.params };
                types.iter().for_each(|ty| self.push(At::Frame, Ty::of(*ty)));
            }
        }
        self.flushed = self.b.stack.len();
    }

    /// The body itself is the outermost construct.
    pub(super) fn start(&mut self, ty: u32) {
        self.open(Kind::Block, BlockType::FuncType(ty), 0);
    }

    pub(super) fn open(&mut self, kind: Kind, ty: BlockType, height: usize) {
        self.b.constructs.push(Construct {
            kind,
            ty,
            height,
            exits: Chain::EMPTY,
            kept: self.b.kept.len(),
            kept_inside: self.b.kept.len(),
            stub: NO_STUB,
        });
    }

    /// Keeps track of constructs in code that cannot be reached.
    pub(super) fn skip(&mut self, op: &Operator<'_>) -> Result<()> {
        match op {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. }
            | Operator::Try { .. } => self.dead += 1,
            Operator::End | Operator::Delegate { .. } if self.dead > 0 => self.dead -= 1,
            Operator::End => self.end()?,
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth)?,
            Operator::Catch { tag_index } if self.dead == 0 => self.legacy_catch(Some(*tag_index)),
            Operator::CatchAll if self.dead == 0 => self.legacy_catch(None),
            Operator::Else if self.dead == 0 => self.otherwise(),
            _ => {}
        }
        Ok(())
    }

    /// Compiles `op` if it is one of control; false if not.
    pub(super) fn control(&mut self, op: &Operator<'_>, bytes: &[u8]) -> Result<bool> {
        match op {
            Operator::Block { blockty } => self.block(*blockty),
            Operator::Loop { blockty } => self.repeat(*blockty, self.offset as usize + bytes.len()),
            Operator::If { blockty } => self.branch_in(*blockty, op, bytes)?,
            Operator::Else => self.otherwise(),
            Operator::End => self.end()?,
            Operator::Br { relative_depth } => self.branch(self.depth(*relative_depth)),
            Operator::BrIf { relative_depth } => self.branch_if(*relative_depth, op, bytes)?,
            Operator::BrOnNull { relative_depth } => self.branch_on_null(*relative_depth)?,
            Operator::BrOnNonNull { relative_depth } => self.branch_on_non_null(*relative_depth)?,
            Operator::BrTable { targets } => self.branch_table(targets)?,
            Operator::TryTable { try_table } => self.attempt(try_table),
            Operator::Return => self.branch(0),
            Operator::Unreachable => {
                let at = self.b.code.at();
                self.b.code.put(&[0x0f, 0x0b]);
                let code = latier_runtime::abi::TrapCode::Unreachable;
                self.site(at, latier_runtime::sites::SiteKind::Trap(code));
                self.reachable = false;
            }
            Operator::Throw { tag_index } => self.throw(op, bytes, *tag_index)?,
            Operator::ThrowRef => self.throw_top()?,
            Operator::Try { blockty } => self.legacy_try(*blockty),
            Operator::Catch { tag_index } => self.legacy_catch(Some(*tag_index)),
            Operator::CatchAll => self.legacy_catch(None),
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth)?,
            Operator::Rethrow { relative_depth } => self.rethrow(*relative_depth)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn depth(&self, depth: u32) -> usize {
        self.b.constructs.len() - 1 - depth as usize
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        let height = self.b.stack.len() - self.params_of(ty);
        self.flush(height);
        self.open(Kind::Block, ty, height);
    }

    /// A loop whose body begins at `start`.
    pub(super) fn repeat(&mut self, ty: BlockType, start: usize) {
        let height = self.b.stack.len() - self.params_of(ty);
        self.flush(self.b.stack.len());
        self.forget();
        let n = self.b.constructs.len();
        self.open(Kind::Loop(0), ty, height);
        self.keep_locals(start);
        self.b.constructs[n].kind = Kind::Loop(self.b.code.at());
        self.b.constructs[n].kept_inside = self.b.kept.len();
        // cmp dword [rdi + attention], 0; jne safepoint
        self.b.code.put(&[0x83, 0x7f, HEADER_ATTENTION as u8, 0, 0x0f, 0x85, 0, 0, 0, 0]);
        self.safepoint_at(self.b.code.at() - 4, self.offset);
    }

    fn branch_in(&mut self, ty: BlockType, op: &Operator<'_>, bytes: &[u8]) -> Result<()> {
        self.flush(self.b.stack.len() - 1);
        let chain = self.on_top(Exit::BranchUnless, op, bytes)?;
        self.enter_if(ty, chain);
        Ok(())
    }

    /// The then arm begins here; the else arm is where `chain` leads.
    pub(super) fn enter_if(&mut self, ty: BlockType, chain: Chain) {
        let height = self.b.stack.len() - self.params_of(ty);
        self.open(Kind::If(chain), ty, height);
    }

    /// Branches on the top operand.
    fn on_top(&mut self, exit: Exit, op: &Operator<'_>, bytes: &[u8]) -> Result<Chain> {
        let (row, _) = self.row(op, bytes, 1)?;
        self.branch_on(row, bytes, exit)
    }

    /// Branches on the top operand by the stencils of `row`.
    pub(super) fn branch_on(&mut self, row: &'static Row, bytes: &[u8], exit: Exit) -> Result<Chain> {
        if matches!(self.top().at, At::Constant(_)) {
            self.enregister(self.b.stack.len() - 1);
        }
        self.stitch(row, bytes, 0, exit)
    }

    pub(super) fn otherwise(&mut self) {
        let n = self.b.constructs.len() - 1;
        if self.reachable {
            self.branch(n);
        }
        let Construct { kind, ty, height, .. } = self.b.constructs[n];
        let Kind::If(mut other) = kind else { unreachable!("a validated else belongs to an if") };
        let here = self.b.code.at();
        self.b.code.bind(&mut other, here);
        self.forget();
        self.truncate(height);
        self.push_types(ty, false);
        self.b.constructs[n].kind = Kind::Else;
        self.reachable = true;
    }

    pub(super) fn end(&mut self) -> Result<()> {
        self.bounded()?;
        let n = self.b.constructs.len() - 1;
        match self.b.constructs[n].kind {
            Kind::Try(open) => self.landings(n, open),
            Kind::LegacyTry(_) | Kind::LegacyCatch(_) => self.legacy_end(n)?,
            // Without an else arm, the results are the parameters: where they are already.
            Kind::If(_) if self.params_of(self.b.constructs[n].ty) > 0 => self.otherwise(),
            _ => {}
        }
        if n == 0 {
            // Branches to the body itself have returned where they stand.
            if self.reachable {
                self.leave();
            }
            self.b.constructs.pop();
            return Ok(());
        }
        let Construct { kind, ty, height, mut exits, kept, .. } = self.b.constructs[n];
        if self.reachable {
            self.put_back(kept);
        }
        self.release(kept);
        let mut met = !exits.is_empty();
        if self.reachable && !matches!(kind, Kind::Loop(_)) {
            let meets = met || matches!(kind, Kind::If(_));
            if meets {
                self.settle(self.results_of(ty), height);
            }
        }
        let here = self.b.code.at();
        if let Kind::If(mut other) = kind {
            self.b.code.bind(&mut other, here);
            met = true;
        }
        self.b.code.bind(&mut exits, here);
        self.b.constructs.pop();
        if met {
            self.forget();
            self.truncate(height);
            self.push_types(ty, true);
            self.reachable = true;
        } else if !self.reachable {
            self.truncate(height);
        }
        Ok(())
    }

    /// Brings the topmost `count` operands to the homes above `height`, where the construct that is branched to has
    /// them. Operands on the stack stay what they are but for being at home.
    fn settle(&mut self, count: usize, height: usize) {
        let first = self.b.stack.len() - count;
        if first == height {
            self.flush(self.b.stack.len());
            return;
        }
        let mut word = match height {
            0 => 0,
            n => self.b.stack[n - 1].word + self.b.stack[n - 1].ty.words(),
        };
        for place in first..self.b.stack.len() {
            let entry = self.b.stack[place];
            let to = self.home(&super::operand::Entry { at: At::Frame, word, ..entry });
            self.value_at(to, entry);
            word += entry.ty.words();
        }
    }

    /// How many operands a branch to construct `n` takes.
    fn arity(&self, n: usize) -> usize {
        let Construct { kind, ty, .. } = self.b.constructs[n];
        if matches!(kind, Kind::Loop(_)) { self.params_of(ty) } else { self.results_of(ty) }
    }

    /// Branches to construct `n`; the body's own is left by returning.
    pub(super) fn branch(&mut self, n: usize) {
        self.jump(n);
        self.reachable = false;
    }

    fn jump(&mut self, n: usize) {
        if n == 0 {
            self.leave();
            return;
        }
        self.settle(self.arity(n), self.b.constructs[n].height);
        self.put_back(self.kept_at(n));
        let place = self.b.code.jump();
        self.lead(n, place);
    }

    /// The distance at `place` leads to construct `n`.
    fn lead(&mut self, n: usize, place: u32) {
        match self.b.constructs[n].kind {
            Kind::Loop(header) => self.b.code.lead(place, header),
            _ => self.b.code.chain(&mut self.b.constructs[n].exits, place),
        }
    }

    /// How many locals have registers where a branch to construct `n` leads.
    fn kept_at(&self, n: usize) -> usize {
        let Construct { kind, kept, kept_inside, .. } = self.b.constructs[n];
        if matches!(kind, Kind::Loop(_)) { kept_inside } else { kept }
    }

    /// All places of `chain` lead to construct `n`.
    fn lead_all(&mut self, n: usize, chain: Chain) {
        let mut chain = chain;
        while !chain.is_empty() {
            let place = chain.0;
            chain.0 = self.b.code.get_word(place);
            self.lead(n, place);
        }
    }

    /// Whether the topmost operands, but `above` of them, are where construct `n` has them.
    fn in_place(&self, n: usize, above: usize) -> bool {
        let height = self.b.constructs[n].height;
        let arity = self.arity(n);
        n != 0 && (arity == 0 || self.b.stack.len() - above == height + arity)
    }

    fn branch_if(&mut self, depth: u32, op: &Operator<'_>, bytes: &[u8]) -> Result<()> {
        self.conditional(depth, 1, |pass, exit| pass.on_top(exit, op, bytes))
    }

    /// A branch whose condition is made of the topmost `operands`.
    pub(super) fn conditional(
        &mut self,
        depth: u32,
        operands: usize,
        condition: impl FnOnce(&mut Self, Exit) -> Result<Chain>,
    ) -> Result<()> {
        let n = self.depth(depth);
        if self.in_place(n, operands) && !self.puts_back(self.kept_at(n)) {
            if self.arity(n) > 0 {
                self.flush(self.b.stack.len() - operands);
            }
            let chain = condition(self, Exit::BranchIf)?;
            self.lead_all(n, chain);
            return Ok(());
        }
        let mut over = condition(self, Exit::BranchUnless)?;
        self.jump(n);
        let here = self.b.code.at();
        self.b.code.bind(&mut over, here);
        Ok(())
    }

    /// `br_on_null`: the reference is no operand of the branch, and stays if it is not null.
    fn branch_on_null(&mut self, depth: u32) -> Result<()> {
        let n = self.depth(depth);
        let mut over = self.test_top(Exit::BranchIf)?;
        let reference = self.b.stack.pop().expect("it was tested");
        self.jump(n);
        self.b.stack.push(reference);
        let here = self.b.code.at();
        self.b.code.bind(&mut over, here);
        Ok(())
    }

    /// `br_on_non_null`: the reference is the branch's last operand, and goes if it is null.
    fn branch_on_non_null(&mut self, depth: u32) -> Result<()> {
        let n = self.depth(depth);
        let mut over = self.test_top(Exit::BranchUnless)?;
        self.jump(n);
        let here = self.b.code.at();
        self.b.code.bind(&mut over, here);
        self.pop();
        Ok(())
    }

    /// Branches on the top operand, a reference, which stays: everything is at home then.
    fn test_top(&mut self, exit: Exit) -> Result<Chain> {
        self.flush(self.b.stack.len());
        let from = self.home(&self.top());
        let place = self.b.stack.len();
        self.b.code.load(super::operand::register(Ty::I64, place), Ty::I64, from);
        self.push_register(Ty::I64);
        let op = Operator::BrIf { relative_depth: 0 };
        self.on_top(exit, &op, &[0x0d, 0])
    }

    fn branch_table(&mut self, table: &BrTable<'_>) -> Result<()> {
        let last = self.b.stack.len() - 1;
        self.flush(last);
        self.enregister(last);
        let selector = super::operand::register(Ty::I32, last);
        self.b.code.register(RAX, selector, Ty::I32);
        self.pop();
        // cmp eax, count; jae default; lea rcx, [rip + table]; movsxd rax, [rcx + 4 rax]; add rax, rcx; jmp rax
        self.forget();
        self.b.code.put(&[0x3d]);
        self.b.code.word(table.len().cast_signed());
        self.b.code.put(&[0x0f, 0x83, 0, 0, 0, 0]);
        let otherwise = self.b.code.at() - 4;
        self.b.code.put(&[0x48, 0x8d, 0x05 | RCX << 3, 0, 0, 0, 0]);
        let address = self.b.code.at() - 4;
        self.b.code.put(&[0x48, 0x63, 0x04, 0x81, 0x48, 0x01, 0xc8, 0xff, 0xe0]);
        let stub = self.stub(table.default());
        self.b.code.lead(otherwise, stub);
        let mut stubs = Vec::with_capacity(table.len() as usize);
        for depth in table.targets() {
            let depth = depth.map_err(|e| unsupported(e.message()))?;
            stubs.push(self.stub(depth));
        }
        let here = self.b.code.at();
        self.b.code.lead(address, here);
        for stub in &stubs {
            self.b.code.word(stub.wrapping_sub(here).cast_signed());
        }
        for depth in table.targets().chain([Ok(table.default())]).flatten() {
            let n = self.depth(depth);
            self.b.constructs[n].stub = NO_STUB;
        }
        self.reachable = false;
        Ok(())
    }

    /// Code that branches to a construct, one for all cases of a table.
    fn stub(&mut self, depth: u32) -> u32 {
        let n = self.depth(depth);
        if self.b.constructs[n].stub == NO_STUB {
            self.b.constructs[n].stub = self.b.code.at();
            self.jump(n);
        }
        self.b.constructs[n].stub
    }
}
